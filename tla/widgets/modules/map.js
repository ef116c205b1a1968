// One map: points between clean and adversarial, arrows, the ring of the focus, a path; lasso, box, zoom, hover, keys.
// It knows nothing about the other maps: what the user does is reported, what is shown is set.
import { make } from "./elements.js";
import { Gestures } from "./gestures.js";
import { drawOver } from "./overlay.js";
import { painter } from "./painter.js";
import { webgl } from "./webgl.js";

const FULL = 65534;
export const MISSING = 65535;
const MARGIN = 16;
const REACH = 12;
const MOST_ZOOM = 400;
const DIM = 0.22;

// Radius of a point in pixels: smaller where there are many.
const radiusOf = (n) => (n > 40_000 ? 1.6 : n > 15_000 ? 2 : n > 4000 ? 2.6 : n > 1500 ? 3 : 3.6);

function rendererFor(canvas, wanted) {
  if (wanted !== "canvas") {
    try {
      const made = webgl(canvas, wanted === "webgl");
      if (made) return made;
    } catch (error) {
      console.warn("tla: WebGL 2 cannot be used, drawing without it:", error.message);
    }
  }
  return painter(canvas);
}

// Which points are inside a closed line; pixels.
export function inside(line, x, y) {
  let odd = false;
  for (let k = 0, before = line.length - 1; k < line.length; before = k, k += 1) {
    const [[x0, y0], [x1, y1]] = [line[before], line[k]];
    if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) odd = !odd;
  }
  return odd;
}

export class PointMap {
  // `report` has the functions select(mask, how), focus(position), hover(position, x, y), moved(), tool(name).
  constructor(parent, report, renderer = "auto") {
    this.report = report;
    this.box = make("div", parent, "map");
    this.box.tabIndex = 0;
    this.wanted = renderer;
    this.surface();
    this.overlay = make("canvas", this.box, "over");
    this.view = { zoom: 1, x: 0, y: 0 };
    this.tool = "lasso";
    this.scene = { morph: 0, focus: -1, hover: -1, path: null, colours: null };
    this.gestures = new Gestures(this);
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.box);
  }

  // The canvas of the points; a context that the browser takes back is replaced by one that needs no WebGL.
  surface() {
    this.canvas?.remove();
    this.canvas = document.createElement("canvas");
    this.box.prepend(this.canvas);
    this.renderer = rendererFor(this.canvas, this.wanted);
    this.box.dataset.renderer = this.renderer.kind;
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (this.gone) return;
      this.wanted = "canvas";
      this.surface();
      if (this.geometry) this.renderer.setGeometry(this.geometry);
      if (this.style) this.renderer.setStyle(this.style);
      this.renderer.setArrows(this.arrows ?? null);
      this.resize();
      this.invalidate();
    });
  }

  resize() {
    const { width, height } = this.box.getBoundingClientRect();
    if (width < 4 || height < 4) return;
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    const [wide, high] = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    if (this.canvas.width === wide && this.canvas.height === high && this.width) return;
    Object.assign(this, { width, height });
    for (const canvas of [this.canvas, this.overlay]) Object.assign(canvas, { width: wide, height: high });
    if (this.near && this.geometry) this.zoomTo(this.near);
    this.draw();
  }

  // geometry: {start, end (pairs of 16-bit numbers), n, extent: [width, height]}.
  setGeometry(geometry) {
    this.geometry = geometry;
    this.renderer.setGeometry(geometry);
    this.invalidate();
  }

  // style: {colour, symbol, level}, a byte per point each; level 0 hides, 1 dims.
  setStyle(style) {
    this.style = style;
    this.renderer.setStyle(style);
    this.invalidate();
  }

  // A byte per point: 0 none, 1 still right, 2 misclassified; null for no arrows.
  setArrows(arrows) {
    this.arrows = arrows;
    this.renderer.setArrows(arrows);
    this.invalidate();
  }

  setScene(scene) {
    Object.assign(this.scene, scene);
    this.invalidate();
  }

  setTool(tool) {
    this.tool = tool;
    this.box.dataset.tool = tool;
  }

  invalidate() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  // Pixels of the canvas = a * number + b, for numbers of 16 bits.
  transform(ratio = 1) {
    const [wide, high] = this.geometry.extent;
    const scale = Math.min((this.width - 2 * MARGIN) / wide, (this.height - 2 * MARGIN) / high) * this.view.zoom * ratio;
    const [ax, ay] = [(scale * wide) / FULL, (-scale * high) / FULL];
    return {
      ax, ay,
      bx: (this.width / 2 + this.view.x) * ratio - (ax * FULL) / 2,
      by: (this.height / 2 + this.view.y) * ratio - (ay * FULL) / 2,
    };
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    if (!this.width || !this.geometry || !this.style || !this.scene.colours) return;
    const { morph, colours } = this.scene;
    const ratio = this.ratio;
    const radius = radiusOf(this.geometry.n) * ratio * Math.min(2.2, this.view.zoom ** 0.25);
    this.renderer.draw({ view: this.transform(ratio), morph, ratio, radius, dim: DIM, ...colours });
    drawOver(this);
    this.drawn = (this.drawn ?? 0) + 1;
  }

  // Where a point is, in pixels of the page; null where it has no place in this map.
  place(k, morph = this.scene.morph, view = this.transform()) {
    const { start, end } = this.geometry;
    if (k < 0 || k >= this.geometry.n || start[2 * k] === MISSING) return null;
    const at = (axis) => start[2 * k + axis] * (1 - morph) + end[2 * k + axis] * morph;
    return [view.ax * at(0) + view.bx, view.ay * at(1) + view.by];
  }

  shown(k) {
    return k >= 0 && k < (this.geometry?.n ?? 0) && this.style?.level[k] > 0;
  }

  // The nearest point within reach of a place in pixels; -1 where there is none.
  nearest(x, y) {
    if (!this.geometry || !this.style) return -1;
    const { start, end, n } = this.geometry;
    const { level } = this.style;
    const { ax, ay, bx, by } = this.transform();
    const morph = this.scene.morph;
    let [best, least] = [-1, REACH * REACH];
    for (let k = 0; k < n; k += 1) {
      if (!level[k]) continue;
      const dx = ax * (start[2 * k] * (1 - morph) + end[2 * k] * morph) + bx - x;
      const dy = ay * (start[2 * k + 1] * (1 - morph) + end[2 * k + 1] * morph) + by - y;
      const distance = dx * dx + dy * dy + (level[k] === 1 ? 20 : 0);
      if (distance < least) [best, least] = [k, distance];
    }
    return best;
  }

  // The points inside a closed line, as a mask.
  enclosed(line) {
    const { start, end, n } = this.geometry;
    const mask = new Uint8Array(n);
    const { ax, ay, bx, by } = this.transform();
    const morph = this.scene.morph;
    const every = Math.ceil(line.length / 250);
    const short = line.filter((_, k) => k % every === 0);
    const [left, right, top, bottom] = [[0, Math.min], [0, Math.max], [1, Math.min], [1, Math.max]].map(([axis, edge]) =>
      short.reduce((found, point) => edge(found, point[axis]), short[0][axis]),
    );
    for (let k = 0; k < n; k += 1) {
      if (!this.style.level[k]) continue;
      const x = ax * (start[2 * k] * (1 - morph) + end[2 * k] * morph) + bx;
      if (x < left || x > right) continue;
      const y = ay * (start[2 * k + 1] * (1 - morph) + end[2 * k + 1] * morph) + by;
      if (y >= top && y <= bottom && inside(short, x, y)) mask[k] = 1;
    }
    return mask;
  }

  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.max(0.5, Math.min(MOST_ZOOM, this.view.zoom * factor));
    const share = zoom / this.view.zoom;
    const [cx, cy] = [x - this.width / 2, y - this.height / 2];
    this.view = { zoom, x: cx + (this.view.x - cx) * share, y: cy + (this.view.y - cy) * share };
    this.changed();
  }

  panBy(x, y) {
    this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
    this.changed();
  }

  // Shows the surroundings of some points (pairs of 16-bit numbers): at least a twelfth of the map.
  zoomTo(points) {
    this.near = points;
    if (!this.width || !points.length) return;
    this.view = { zoom: 1, x: 0, y: 0 };
    const whole = this.transform();
    const [us, vs] = [0, 1].map((axis) => Array.from(points).filter((_, k) => k % 2 === axis));
    const span = (values) => Math.max(...values) - Math.min(...values);
    const middle = (values) => (Math.max(...values) + Math.min(...values)) / 2;
    const wide = Math.max(1.5 * span(us), FULL / 12) * whole.ax;
    const high = Math.max(1.5 * span(vs), FULL / 12) * -whole.ay;
    const zoom = Math.max(1, Math.min(this.width / wide, this.height / high));
    const x = (this.width / 2 - (whole.ax * middle(us) + whole.bx)) * zoom;
    const y = (this.height / 2 - (whole.ay * middle(vs) + whole.by)) * zoom;
    this.view = { zoom, x, y };
    this.near = null;
    this.changed();
  }

  reset() {
    this.view = { zoom: 1, x: 0, y: 0 };
    this.changed();
  }

  changed() {
    this.report.moved();
    this.invalidate();
  }

  remove() {
    this.gone = true;
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
    this.renderer.remove();
  }
}
