// The attack on the image in focus, step by step: distances to the own and the false centroid. The maps draw its way.
import { draw, make } from "./elements.js";
import { panelHead } from "./gallery.js";

const [WIDE, HIGH, LEFT, FOOT] = [260, 120, 34, 18];
const LINES = [["own", "to the own centroid", "good"], ["false", "to the false centroid", "bad"]];

export class Paths {
  constructor(parent, explorer) {
    this.explorer = explorer;
    this.box = make("section", parent, "panel paths");
    this.heading = panelHead(this.box, "").heading;
    this.body = make("div", this.box);
  }

  show() {
    const { explorer, body, heading } = this;
    const recorded = explorer.data.recorded ?? [];
    this.box.hidden = !recorded.length;
    body.replaceChildren();
    if (!recorded.length) return;
    const place = explorer.place();
    const found = explorer.details.paths.get(place);
    heading.textContent = found ? `The attack on image ${explorer.maps.state.focus}, step by step` : "The attack, step by step";
    if (found) this.charts(found);
    else this.offer(recorded, place);
  }

  offer(recorded, place) {
    const { scene } = this.explorer.maps;
    const known = recorded.includes(place);
    const text = known && this.explorer.data.answers ? "Looking it up …" : `The way of ${recorded.length} images was recorded; press one:`;
    make("p", this.body, "note", text);
    const line = make("div", this.body, "strip");
    for (const one of recorded.slice(0, 40)) {
      const tile = make("button", line, "tile");
      tile.type = "button";
      tile.setAttribute("aria-label", `image ${scene.id(one)}, ${scene.className(scene.y[one])}`);
      this.explorer.pictures.show(tile, "clean", one, 30);
      if (!this.explorer.pictures.has("clean", one)) make("span", tile, "title", String(scene.id(one)));
      tile.onclick = () => this.explorer.maps.focus(scene.id(one));
    }
  }

  charts(found) {
    const shown = new Map(this.explorer.maps.shownMaps().map((map) => [map.key, map]));
    const row = make("div", this.body, "charts");
    for (const path of found) {
      const map = shown.get(path.key);
      if (map && path.own.length) this.chart(row, map, path);
    }
    const legend = make("p", this.body, "note");
    for (const [, text, tone] of LINES) {
      make("b", legend, tone, "— ");
      legend.append(`${text}  `);
    }
    legend.append("(cosine distance against the step of the attack; in the maps, the line is the way and its large dot the end)");
  }

  chart(parent, map, path) {
    const figure = make("figure", parent);
    make("figcaption", figure, "", map.label);
    const top = Math.max(...path.own, ...path.false, 1e-6);
    const last = Math.max(1, ...path.steps);
    const x = (step) => LEFT + ((WIDE - LEFT - 6) * step) / last;
    const y = (value) => HIGH - FOOT - ((HIGH - FOOT - 6) * value) / top;
    const ends = `own ${path.own[0].toFixed(2)} to ${path.own.at(-1).toFixed(2)}, false ${path.false[0].toFixed(2)} to ${path.false.at(-1).toFixed(2)}`;
    const svg = draw("svg", figure, { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${map.label}: ${ends}` });
    draw("path", svg, { class: "axis", d: `M${LEFT},4 V${HIGH - FOOT} H${WIDE - 4}` });
    for (const [text, at] of [["0", 0], [top.toFixed(2), top]]) {
      draw("text", svg, { x: LEFT - 4, y: y(at) + 4, "text-anchor": "end" }, text);
    }
    draw("text", svg, { x: x(0), y: HIGH - 4 }, "0");
    draw("text", svg, { x: x(last), y: HIGH - 4, "text-anchor": "end" }, `step ${last}`);
    for (const [name, , tone] of LINES) {
      const begins = new Set([0, ...path.breaks]);
      const d = Array.from(path.steps, (step, k) => `${begins.has(k) ? "M" : "L"}${x(step)},${y(path[name][k])}`).join("");
      draw("path", svg, { class: `line ${tone}`, d });
    }
    const flip = path.wrong.findIndex((one) => one);
    if (flip >= 0) draw("path", svg, { class: "flip", d: `M${x(path.steps[flip])},6 V${HIGH - FOOT}` });
    make("span", figure, "note", flip < 0 ? "never misclassified" : `misclassified from step ${path.steps[flip]}`);
  }
}
