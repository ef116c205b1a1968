// Maps, the images of the selection, neighbours before and after, measures in the full space, an image's path, and a
// threshold where there are scores: what is selected or in focus in one is in all.
import { Cut } from "./cut.js";
import { counted, make } from "./elements.js";
import { Gallery } from "./gallery.js";
import { Maps } from "./maps.js";
import { Measures } from "./measures.js";
import { Nearest } from "./nearest.js";
import { Paths } from "./paths.js";
import { Pictures } from "./pictures.js";

const PATIENCE = 60;

class Explorer {
  constructor(root, data, holder) {
    Object.assign(this, { root, holder, data, asked: new Set() });
    root.classList.add("tla-explorer");
    this.pictures = new Pictures(data.pictures ?? []);
    this.head = make("p", root, "about");
    this.focusBar(root);
    const place = make("div", root);
    this.maps = new Maps(place, { ...data, paths: null }, holder, this.pictures);
    place.tlaMaps = this.maps;
    const panels = make("div", root, "panels");
    this.panels = [
      new Gallery(panels, this), new Nearest(panels, this), new Measures(panels, this), new Paths(panels, this),
    ];
    this.cut = data.cut ? new Cut(make("section", root, "panel wide"), data.cut, this.cutHolder()) : null;
    this.take(data);
    this.maps.listeners.push(() => this.later());
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.show();
  }

  focusBar(root) {
    const bar = make("div", root, "bar focus-bar");
    const step = (text, by, title) => {
      const made = make("button", bar, "", text);
      Object.assign(made, { type: "button", title });
      made.onclick = () => this.maps.step(by);
    };
    step("‹ Back", -1, "the image before, of the selection or of all (J)");
    step("Next ›", 1, "the next image, of the selection or of all (K)");
    const label = make("label", bar, "pick");
    make("span", label, "", "Image");
    this.number = make("input", label);
    Object.assign(this.number, { type: "number", size: 6 });
    this.number.onchange = () => this.jump();
    this.focusText = make("span", bar, "focus-text");
    this.focusText.setAttribute("role", "status");
  }

  jump() {
    const id = Number(this.number.value);
    if (this.maps.scene.position(id) >= 0) this.maps.focus(id);
    else this.focusText.textContent = `there is no image ${this.number.value} here`;
  }

  // J and K, while the explorer or nothing else on the page is in use.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { j: -1, k: 1 }[event.key.toLowerCase()];
    const [from] = event.composedPath();
    if (!by || from.matches?.("input, select, textarea, [contenteditable='true']")) return;
    const here = event.composedPath().includes(this.root);
    if (!here && !(this.data.alone && from === document.body)) return;
    event.preventDefault();
    this.maps.step(by);
  }

  update(given) {
    this.data = { ...this.data, ...given };
    this.take(given);
    this.maps.update({ ...given, paths: this.pathsOf() });
    this.cut?.update(given.cut ?? {});
    this.show();
  }

  // Keeps what came for some images: pictures, neighbours, paths.
  take(given) {
    this.details ??= { nearest: new Map(), paths: new Map() };
    if (given.pictures && this.first) given.pictures.forEach((sheet) => this.pictures.add(sheet));
    this.first = true;
    for (const block of given.nearest ?? []) {
      block.places.forEach((place, row) => this.details.nearest.set(place, { block, row }));
    }
    for (const path of given.paths ?? []) this.details.paths.set(path.place, path.maps);
  }

  pathsOf() {
    const found = this.details.paths.get(this.place());
    return found ? Object.fromEntries(found.map((one) => [one.key, one])) : null;
  }

  place() {
    return this.maps.scene.position(this.maps.state.focus);
  }

  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.show();
    });
  }

  show() {
    const { scene, state } = this.maps;
    const place = this.place();
    const key = `${place} ${this.details.paths.has(place)}`;
    if (key !== this.pathKey) {
      this.pathKey = key;
      this.maps.data.paths = this.pathsOf();
      this.maps.show(false);
    }
    this.showHead();
    this.number.value = state.focus ?? "";
    this.focusText.textContent = place < 0 ? "no image is in focus: press a point or a picture" : this.describe(place);
    const signature = [state.focus, state.selection, String(state.methods), this.data.version, this.details.nearest.size,
      this.details.paths.size, this.pictures.sheets.size, this.received];
    if (this.shown && signature.every((value, k) => value === this.shown[k])) return;
    this.shown = signature;
    this.panels.forEach((panel) => panel.show());
    this.cut?.mark(state.focus);
    if (place >= 0) this.want("focus", state.focus);
  }

  describe(place) {
    const { scene } = this.maps;
    const held = this.maps.shownMaps().filter((map) => map.prediction[place] === scene.y[place]).length;
    const all = this.maps.shownMaps().length;
    return `${scene.className(scene.y[place])} · ${held} of ${all} methods correct under attack`;
  }

  showHead() {
    const { about } = this.data;
    if (!about) return;
    const { scene } = this.maps;
    const attack = about.attack ? `${about.attack}${about.eps === null ? "" : ` at eps ${about.eps}`}` : "";
    const parts = [about.source, attack, counted(scene.n, "image"), `map: ${about.projection}, seed ${about.seed}`];
    this.head.textContent = `${parts.filter(Boolean).join(" · ")}. Distances in a map prove nothing: the line above each map is measured in the full space.`;
  }

  // Asks the holder for what is not here yet; many wishes become one question.
  want(kind, key) {
    const wish = `${kind} ${key}`;
    if (!this.data.answers || this.asked.has(wish)) return;
    this.asked.add(wish);
    this.wishes ??= { focus: [], pictures: [] };
    this.wishes[kind].push(key);
    this.timer ??= setTimeout(() => {
      this.holder.fire("want", this.wishes);
      [this.wishes, this.timer] = [null, null];
    }, PATIENCE);
  }

  cutHolder() {
    return {
      set: () => {},
      fire: (name, ids) => {
        const wanted = new Set(ids);
        if (name === "choose") this.maps.selectWhere((k) => wanted.has(this.maps.scene.id(k)));
      },
    };
  }

  remove() {
    document.removeEventListener("keydown", this.keys);
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.maps.remove();
    this.pictures.remove();
  }
}

export function mount(root, data, holder) {
  const explorer = new Explorer(root, data, holder);
  return { update: (given) => explorer.update(given), remove: () => explorer.remove() };
}
