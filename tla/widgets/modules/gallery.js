// The images of the selection, clean and under attack; a press makes one the focus.
import { counted, make } from "./elements.js";
import { measure } from "./scene.js";
import { tileElement } from "./tiles.js";

const MOST = 60;
const SIZE = 40;
const TURNS = 14;

// A heading with room for a choice beside it.
export function panelHead(parent, title) {
  const head = make("div", parent, "panel-head");
  const heading = make("h3", head, "", title);
  return { head, heading };
}

// Chooses one of the methods that are shown; keeps the choice while it is possible.
export class MethodChoice {
  constructor(parent, explorer, change) {
    this.explorer = explorer;
    const label = make("label", parent, "pick");
    make("span", label, "", "of");
    this.select = make("select", label);
    this.select.setAttribute("aria-label", "method");
    this.select.onchange = change;
    this.label = label;
  }

  map() {
    const maps = this.explorer.maps.shownMaps();
    const key = maps.map((map) => map.key).join();
    if (key !== this.key) {
      const before = this.select.value;
      this.key = key;
      this.select.replaceChildren();
      maps.forEach((map) => (make("option", this.select, "", map.label).value = map.key));
      this.select.value = maps.some((map) => map.key === before) ? before : (maps.at(-1)?.key ?? "");
    }
    this.label.hidden = maps.length < 2;
    return maps.find((map) => map.key === this.select.value) ?? maps[0];
  }
}

// One image: clean and adversarial picture, predictions, and whether the method is right under attack.
function tileOf(explorer, map, place) {
  const { scene, state } = explorer.maps;
  const id = scene.id(place);
  const title = [map.clean[place], map.prediction[place]].map((k) => scene.className(k)).join(" → ");
  const tone = map.prediction[place] === scene.y[place] ? "good" : "bad";
  const fill = (pair) => {
    explorer.pictures.show(pair, "clean", place, SIZE);
    make("span", pair, "arrow", "→");
    explorer.pictures.show(pair, map.key, place, SIZE);
  };
  if (!explorer.pictures.has("clean", place)) explorer.want("pictures", place);
  const about = { id, title, note: `image ${id}`, tone, focus: state.focus === id };
  return tileElement(about, fill, (one) => explorer.maps.focus(one));
}

export class Gallery {
  constructor(parent, explorer) {
    this.explorer = explorer;
    const box = make("section", parent, "panel images");
    const { head, heading } = panelHead(box, "");
    this.heading = heading;
    this.choice = new MethodChoice(head, explorer, () => this.show());
    this.tiles = make("div", box, "tiles");
    this.tiles.setAttribute("role", "group");
    this.tiles.setAttribute("aria-label", "images of the selection");
    this.more = make("p", box, "note");
  }

  show() {
    const map = this.choice.map();
    const { scene } = this.explorer.maps;
    if (!map) return;
    const chosen = scene.count ? scene.chosen() : this.largestTurns(map, scene);
    this.heading.textContent = scene.count ? `Selection: ${counted(scene.count, "image")}` : "The largest turns";
    if (!scene.count && !map.measures?.angle) this.heading.textContent = "The first images";
    this.tiles.replaceChildren(...chosen.slice(0, MOST).map((place) => tileOf(this.explorer, map, place)));
    this.more.textContent = chosen.length > MOST ? `The first ${MOST} of ${chosen.length} are shown.` : "";
  }

  largestTurns(map, scene) {
    const all = Array.from({ length: scene.n }, (_, k) => k);
    const { angle } = map.measures ?? {};
    if (!angle) return all.slice(0, TURNS);
    const turns = Float64Array.from(all, (k) => measure(angle, k));
    return all.filter((k) => !Number.isNaN(turns[k])).sort((a, b) => turns[b] - turns[a]).slice(0, TURNS);
  }
}
