// Maps side by side that share selection, focus and morph.
import { make } from "./elements.js";
import { Hover } from "./hover.js";
import { Legend } from "./legend.js";
import { PointMap } from "./map.js";
import { toBits } from "./packing.js";
import { Pictures } from "./pictures.js";
import { Scene, coloursOf, headOf, noteOf } from "./scene.js";
import { SHADES } from "./shades.js";
import { Toolbar } from "./toolbar.js";

const SAMPLE = 120;
const STATE = { selection: null, focus: null, colour: "true", morph: 0, arrows: "selection", methods: null, only: null };

export class Maps {
  constructor(root, data, holder, pictures = null) {
    Object.assign(this, { root, holder, state: { ...STATE }, panels: new Map(), tool: "lasso", listeners: [] });
    root.classList.add("tla-maps");
    this.ownPictures = pictures ? null : new Pictures(data.pictures ?? []);
    this.pictures = pictures ?? this.ownPictures;
    this.toolbar = new Toolbar(root, this, data.controls ?? ["colour", "arrows", "morph", "methods"]);
    this.row = make("div", root, "row");
    this.legend = new Legend(root, this);
    this.hover = new Hover(root, this);
    this.data = {};
    this.update(data);
  }

  // Takes what has changed; geometry with the version that is shown already is not sent to the maps again.
  update(given) {
    const known = Object.fromEntries(Object.keys(STATE).filter((key) => key in given).map((key) => [key, given[key]]));
    const data = { ...this.data, ...given };
    const fresh = !this.scene || data.version !== this.data.version;
    this.data = data;
    if (fresh) this.scene = new Scene(data);
    const recoloured = this.theme !== data.theme;
    this.theme = data.theme;
    this.colours = coloursOf(SHADES[data.theme]);
    Object.assign(this.state, known);
    if (fresh || "selection" in known) this.scene.selectBits(this.state.selection);
    this.arrange(fresh);
    this.show(fresh || recoloured || ["selection", "colour", "arrows", "only", "methods"].some((key) => key in known));
  }

  shownMaps() {
    const { methods } = this.state;
    return this.scene.maps.filter(({ key }) => !methods || !methods.length || methods.includes(key));
  }

  // A panel for each map that is shown; zoom stays with it.
  arrange(fresh) {
    const maps = this.shownMaps();
    for (const [key, panel] of this.panels) {
      if (maps.some((map) => map.key === key)) continue;
      panel.points.remove();
      panel.figure.remove();
      this.panels.delete(key);
    }
    maps.forEach((map) => {
      const known = this.panels.get(map.key);
      const panel = known ?? this.panel(map);
      this.row.append(panel.figure);
      if (!known || (fresh && panel.version !== map.version)) {
        panel.points.setGeometry({ start: map.start, end: map.end, n: this.scene.n, extent: map.extent });
      }
      Object.assign(panel, { map, version: map.version });
    });
    this.row.dataset.count = Math.min(4, maps.length);
  }

  panel(map) {
    const figure = make("figure", this.row);
    const caption = make("figcaption", figure);
    const title = make("b", caption);
    const note = make("span", caption, "note");
    const panel = { figure, title, note, map };
    const report = {
      select: (mask, how) => this.select(this.scene.combined(mask, how)),
      focus: (k) => (k < 0 ? this.select(new Uint8Array(this.scene.n)) : this.focus(this.scene.id(k))),
      hover: (k, x, y) => this.hover.show(k, panel.map, x, y),
      moved: () => {},
      tool: (name) => this.setTool(name),
    };
    panel.points = new PointMap(figure, report, this.data.renderer ?? "auto");
    panel.points.setTool(this.tool);
    this.panels.set(map.key, panel);
    return panel;
  }

  show(restyle) {
    const { state, scene } = this;
    const focus = scene.position(state.focus);
    for (const panel of this.panels.values()) {
      const { points, map } = panel;
      if (restyle) {
        const style = scene.style(map, state.colour, state.only);
        points.setStyle(style);
        points.setArrows(scene.arrows(map, state.arrows, style, SAMPLE));
        this.describe(panel);
      }
      const path = this.data.paths?.[map.key] ?? null;
      const near = `${map.version} ${state.focus} ${path?.points.length}`;
      if (this.data.near && path && panel.nearTo !== near) {
        panel.nearTo = near;
        points.zoomTo(path.points);
      }
      const drawn = path && { ...path, style: scene.pathStyle(path, state.colour) };
      points.setScene({ morph: state.morph, focus, colours: this.colours, path: drawn });
    }
    if (restyle) this.legend.show();
    this.toolbar.show();
    this.listeners.forEach((listener) => listener());
  }

  describe({ title, note, map, points }) {
    const found = this.scene.summary(map);
    title.textContent = headOf(map, found, this.scene.count > 0);
    const lost = map.lost ? ` · ${map.lost} without a place in this map` : "";
    note.textContent = noteOf(found) + lost;
    points.box.setAttribute("role", "application");
    points.box.setAttribute("aria-label", `map of ${map.label}, ${title.textContent}; ${note.textContent}. Drag to select; arrow keys go to the nearest point in their direction and Enter makes it the focus; Shift with arrow keys, plus and minus move the map; J and K go to the next image`);
  }

  select(mask) {
    this.scene.select(mask);
    const bits = this.scene.count ? toBits(mask) : new Uint8Array(0);
    this.state.selection = bits;
    this.show(true);
    this.holder.set("selection", bits);
  }

  selectWhere(test) {
    this.select(Uint8Array.from({ length: this.scene.n }, (_, k) => (test(k) ? 1 : 0)));
  }

  focus(id) {
    if (this.state.focus === id) return;
    this.state.focus = id;
    this.show(false);
    this.holder.set("focus", id);
  }

  // The next image of the selection, or of all; -1 the previous one.
  step(by) {
    const chosen = this.scene.chosen();
    if (!chosen.length) return;
    const here = this.scene.position(this.state.focus);
    const at = chosen.indexOf(here);
    const after = chosen.findIndex((k) => k > here);
    const next = at >= 0 ? at + by : by > 0 ? after : (after < 0 ? chosen.length : after) - 1;
    this.focus(this.scene.id(chosen[(next + chosen.length) % chosen.length]));
  }

  set(name, value, tell = true) {
    this.state[name] = value;
    if (name === "methods") this.arrange(false);
    this.show(name !== "morph");
    if (tell) this.holder.set(name, value);
  }

  setTool(tool) {
    this.tool = tool;
    this.panels.forEach(({ points }) => points.setTool(tool));
    this.toolbar.show();
  }

  resetViews() {
    this.panels.forEach(({ points }) => points.reset());
  }

  remove() {
    this.toolbar.remove();
    this.panels.forEach(({ points }) => points.remove());
    this.ownPictures?.remove();
  }
}

export function mount(root, data, holder) {
  const maps = new Maps(root, data, holder);
  root.tlaMaps = maps;
  return { update: (given) => maps.update(given), remove: () => maps.remove() };
}
