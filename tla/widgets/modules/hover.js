// The picture of the point under the pointer, with what it is and what is predicted.
import { make } from "./elements.js";

const SIZE = 64;

export class Hover {
  constructor(root, maps) {
    this.maps = maps;
    this.root = root;
    this.box = make("div", root, "hover");
    this.box.hidden = true;
    this.box.setAttribute("role", "status");
    this.at = -1;
  }

  show(k, map, x, y) {
    const { maps } = this;
    if (k !== this.at) {
      this.at = k;
      maps.panels.forEach(({ points }) => points.setScene({ hover: k }));
      if (k >= 0) this.fill(k, map);
    }
    this.box.hidden = k < 0;
    if (k < 0) return;
    const frame = this.root.getBoundingClientRect();
    const { offsetWidth: wide, offsetHeight: high } = this.box;
    const left = x - frame.left + 16 + wide > frame.width ? x - frame.left - 16 - wide : x - frame.left + 16;
    this.box.style.left = `${Math.max(0, left)}px`;
    this.box.style.top = `${Math.max(0, Math.min(frame.height - high, y - frame.top + 12))}px`;
  }

  fill(k, map) {
    const { scene, pictures } = this.maps;
    this.box.replaceChildren();
    const pair = make("div", this.box, "pair");
    if (pictures.has("clean", k)) pictures.show(pair, "clean", k, SIZE);
    if (pictures.has(map.key, k)) {
      make("span", pair, "arrow", "→");
      pictures.show(pair, map.key, k, SIZE);
    }
    make("b", this.box, "", `image ${scene.id(k)}: ${scene.className(scene.y[k])}`);
    const wrong = map.prediction[k] !== scene.y[k];
    const text = `${map.label}: ${scene.className(map.clean[k])} → ${scene.className(map.prediction[k])}`;
    make("span", this.box, wrong ? "bad" : "good", `${text} ${wrong ? "✗" : "✓"}`);
  }
}
