// The nearest training images of the image in focus, before and after the attack, for each method that is shown.
import { make } from "./elements.js";
import { panelHead } from "./gallery.js";
import { measure } from "./scene.js";
import { tileElement } from "./tiles.js";

const MOST = 7;
const SIZE = 34;

export class Nearest {
  constructor(parent, explorer) {
    this.explorer = explorer;
    this.box = make("section", parent, "panel nearest");
    this.heading = panelHead(this.box, this.name()).heading;
    this.body = make("div", this.box);
  }

  show() {
    const { explorer, body } = this;
    const { scene, state } = explorer.maps;
    const place = explorer.place();
    body.replaceChildren();
    this.box.hidden = !explorer.data.hasNearest;
    if (this.box.hidden) return;
    this.heading.textContent = place < 0 ? this.name() : `${this.name()} of image ${state.focus}`;
    const found = explorer.details.nearest.get(place);
    if (!found) {
      make("p", body, "note", place < 0 ? "Press a point or a picture." : this.missing());
      return;
    }
    const before = new Map();
    for (const map of explorer.maps.shownMaps()) {
      const sides = found.block.maps[map.key];
      if (!sides) continue;
      make("h4", body, "", map.label);
      for (const kind of ["clean", "adversarial"]) {
        const entries = sides[kind] ? this.entries(sides[kind], found.row) : [];
        if (entries.length) this.strip(body, map, kind, entries, scene, place, before);
      }
    }
  }

  name() {
    return this.explorer.data.about?.shared ? "Nearest other images" : "Nearest training images";
  }

  missing() {
    return this.explorer.data.answers ? "Looking them up …" : "No neighbours of this image are in this file.";
  }

  entries({ k, ids, classes, distances }, row) {
    return Array.from({ length: Math.min(k, MOST) }, (_, rank) => row * k + rank)
      .filter((at) => ids[at] >= 0)
      .map((at) => ({ id: ids[at], y: classes[at], distance: measure(distances, at) }));
  }

  strip(body, map, kind, entries, scene, place, before) {
    const right = entries.filter(({ y }) => y === scene.y[place]).length;
    const names = entries.map(({ id }) => id);
    let text = `${kind}: ${right} of ${entries.length} of its class`;
    if (kind === "clean") before.set(map.key, new Set(names));
    else if (before.has(map.key)) text += `, ${names.filter((id) => !before.get(map.key).has(id)).length} new under attack`;
    make("p", body, "note", text);
    const line = make("div", body, "strip");
    this.explorer.pictures.show(line, kind === "clean" ? "clean" : map.key, place, SIZE, `the ${kind} image`);
    make("span", line, "", "→");
    for (const { id, y, distance } of entries) {
      const good = y === scene.y[place];
      const name = scene.className(y);
      const tip = `training image ${id}, ${name}, distance ${distance.toFixed(3)}`;
      const about = { id, title: name, note: distance.toFixed(3), tone: good ? "good" : "bad", tip };
      line.append(tileElement(about, (pair) => this.explorer.pictures.show(pair, "gallery", id, SIZE, tip)));
    }
  }
}
