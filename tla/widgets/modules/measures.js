// What was measured in the full space, for the image in focus and for the selection: distances in a map prove nothing.
import { counted, make } from "./elements.js";
import { panelHead } from "./gallery.js";
import { measure, percent } from "./scene.js";

const NAMES = {
  angle: ["turn", (value) => `${value.toFixed(1)}°`],
  relative_angle: ["turn / angle between centroids", (value) => value.toFixed(2)],
  margin: ["margin under attack", (value) => value.toFixed(3)],
  progress: ["progress to false class", (value) => value.toFixed(2)],
  purity_own: ["neighbours of own class", percent],
  purity_false: ["neighbours of false class", percent],
};

export class Measures {
  constructor(parent, explorer) {
    this.explorer = explorer;
    this.box = make("section", parent, "panel measures");
    panelHead(this.box, "Measured in the full embedding");
    this.body = make("div", this.box);
  }

  show() {
    const { explorer, body } = this;
    const maps = explorer.maps.shownMaps().filter((map) => Object.keys(map.measures ?? {}).length);
    this.box.hidden = !maps.length;
    body.replaceChildren();
    if (!maps.length) return;
    const { scene, state } = explorer.maps;
    const place = explorer.place();
    if (place >= 0) {
      this.table(`Image ${state.focus}`, maps, (map, name) => measure(map.measures[name], place));
    }
    const summaries = new Map(maps.map((map) => [map.key, scene.summary(map)]));
    const whose = scene.count ? `the selection (${scene.count})` : `all ${counted(scene.n, "image")}`;
    this.table(`Median of ${whose}`, maps, (map, name) => summaries.get(map.key).medians[name]);
    make("p", body, "note", "Turn: angle between clean and adversarial embedding. Margin: distance to the false centroid minus distance to the own one; below 0, the false one is nearer.");
  }

  table(title, maps, value) {
    const wide = make("div", this.body, "wide");
    const table = make("table", wide);
    make("caption", table, "", title);
    const top = make("tr", make("thead", table));
    make("th", top);
    maps.forEach((map) => (make("th", top, "", map.label).scope = "col"));
    const rows = make("tbody", table);
    for (const [name, [text, write]] of Object.entries(NAMES)) {
      if (!maps.some((map) => name in map.measures)) continue;
      const row = make("tr", rows);
      make("th", row, "", text).scope = "row";
      for (const map of maps) {
        const found = name in map.measures ? value(map, name) : NaN;
        make("td", row, name === "margin" && found < 0 ? "bad" : "", Number.isFinite(found) ? write(found) : "–");
      }
    }
  }
}
