// A triplet to drag: points of a plane, the loss of their triplet, where its gradient pulls them, and the loss that the
// anchor would have anywhere else.
import { draw, make } from "./elements.js";
import { rgb } from "./scene.js";
import { SHADES } from "./shades.js";

const REACH = 6.5;
const GRID = 96;
const STEP = 0.1;
const FORMULAS = { abs_cosine: "1 − |cos|", cosine: "1 − cos", euclidean: "length of u − v" };

const dot = (u, v) => u[0] * v[0] + u[1] * v[1];
const norm = (u) => Math.sqrt(dot(u, u) + 1e-20);
const minus = (u, v, times = 1) => [u[0] - times * v[0], u[1] - times * v[1]];
const clamp = (value) => Math.max(-REACH, Math.min(REACH, value));

function distance(u, v, name) {
  if (name === "euclidean") return norm(minus(u, v));
  const cosine = dot(u, v) / (norm(u) * norm(v));
  return 1 - (name === "abs_cosine" ? Math.abs(cosine) : cosine);
}

// The gradient of the distance of u and v with respect to u.
function slope(u, v, name) {
  if (name === "euclidean") return minus(u, v).map((value) => value / norm(minus(u, v)));
  const cosine = dot(u, v) / (norm(u) * norm(v));
  const sign = name === "abs_cosine" && cosine < 0 ? 1 : -1;
  return [0, 1].map((k) => sign * (v[k] / (norm(u) * norm(v)) - (cosine * u[k]) / dot(u, u)));
}

// The loss of an anchor, and the index of its negative.
function tripletLoss(anchor, { positive, negatives, alpha, distance: name, drawn }) {
  const far = negatives.map((negative) => distance(anchor, negative, name));
  const index = drawn === null ? far.indexOf(Math.min(...far)) : drawn;
  const near = distance(anchor, positive, name);
  return { index, near, far: far[index], loss: Math.max(0, near - far[index] + alpha) };
}

// Steepest descent: where each point of the triplet is pulled; nowhere once the loss is 0.
function pulls(state, { index, loss }) {
  const none = [0, 0];
  if (loss === 0) return { anchor: none, positive: none, negative: none };
  const { anchor, positive, negatives, distance: name } = state;
  const negative = negatives[index];
  return {
    anchor: minus(slope(anchor, negative, name), slope(anchor, positive, name)),
    positive: slope(positive, anchor, name).map((value) => -value),
    negative: slope(negative, anchor, name),
  };
}

function shade(canvas, state, [red, green, blue]) {
  const picture = new ImageData(GRID, GRID);
  for (let row = 0; row < GRID; row += 1) {
    for (let column = 0; column < GRID; column += 1) {
      const anchor = [column, GRID - 1 - row].map((at) => ((at + 0.5) / GRID) * 2 * REACH - REACH);
      const strength = Math.min(1, tripletLoss(anchor, state).loss / (state.distance === "euclidean" ? 6 : 0.6));
      picture.data.set([red, green, blue, 120 * strength], 4 * (row * GRID + column));
    }
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

const SIDES = { anchor: "left", positive: "right", negative: "above" };
const OUTLINES = {
  anchor: "M0,-0.34 L0.34,0 L0,0.34 L-0.34,0 Z",
  positive: "M-0.26,0 A0.26,0.26 0 1 0 0.26,0 A0.26,0.26 0 1 0 -0.26,0 Z",
  negative: "M-0.24,-0.24 H0.24 V0.24 H-0.24 Z",
};

// One point: its direction from the origin, its mark, its label, and the arrow of its pull.
function point(plane, role, colour, name) {
  const ray = draw("line", plane.rays, { stroke: colour, class: "ray" });
  const arrow = draw("path", plane.arrows, { stroke: colour, class: "pull", "marker-end": "url(#tla-tip)" });
  const mark = draw("g", plane.marks, { class: "mark", tabindex: 0, role: "button" });
  draw("circle", mark, { r: 0.55, class: "grip" });
  draw("path", mark, { d: OUTLINES[role], stroke: colour, fill: colour });
  return { ray, arrow, mark, label: draw("text", mark, {}, name), side: SIDES[role], name };
}

function place({ ray, arrow, mark, label, side, name }, [x, y], pull, used) {
  ray.setAttribute("x2", x);
  ray.setAttribute("y2", -y);
  mark.setAttribute("transform", `translate(${x},${-y})`);
  mark.classList.toggle("idle", !used);
  ray.classList.toggle("idle", !used);
  // Each role's label has its own side, so that labels of neighbours do not overlap; all stay inside the plane.
  const left = side === "left" ? x > 2.6 - REACH : x > REACH - 2.6;
  const above = side === "right" ? y < 0.7 - REACH : y < REACH - 0.9;
  label.setAttribute("text-anchor", left ? "end" : "start");
  label.setAttribute("x", left ? -0.42 : 0.42);
  label.setAttribute("y", above ? -0.3 : 0.55);
  mark.setAttribute("aria-label", `${name} at ${x.toFixed(1)}, ${y.toFixed(1)}; the arrow keys move it`);
  const length = Math.hypot(...pull);
  arrow.style.display = length > 1e-9 ? "" : "none";
  const [dx, dy] = pull.map((value) => (value / (length || 1)) * (0.9 + Math.min(1.2, 4 * length)));
  arrow.setAttribute("d", `M${x},${-y} l${dx},${-dy}`);
}

function drawPlane(root) {
  const box = make("div", root, "plane");
  const canvas = Object.assign(make("canvas", box), { width: GRID, height: GRID });
  const view = `${-REACH} ${-REACH} ${2 * REACH} ${2 * REACH}`;
  const svg = draw("svg", box, { viewBox: view, role: "group", "aria-label": "embeddings in the plane" });
  const tip = draw("marker", draw("defs", svg), {
    id: "tla-tip", viewBox: "0 0 10 10", refX: 6, refY: 5, markerWidth: 4.5, markerHeight: 4.5, orient: "auto",
  });
  draw("path", tip, { d: "M0,1 L8,5 L0,9 Z", fill: "context-stroke" });
  draw("path", svg, { class: "axis", d: `M${-REACH},0 H${REACH} M0,${-REACH} V${REACH}` });
  draw("text", svg, { class: "note", x: REACH - 0.15, y: 0.42, "text-anchor": "end" }, "feature 1");
  draw("text", svg, { class: "note", x: -0.15, y: -REACH + 0.45, "text-anchor": "end" }, "feature 2");
  draw("text", svg, { class: "note", x: REACH - 0.15, y: -0.18, "text-anchor": "end" }, "after a ReLU, all points are here");
  const [rays, arrows, marks] = ["rays", "arrows", "marks"].map((name) => draw("g", svg, { class: name }));
  return { canvas, svg, rays, arrows, marks };
}

function choice(parent, text, options) {
  const line = make("label", parent, "row");
  make("span", line, "", text);
  const picker = make("select", line);
  for (const [value, name] of Object.entries(options)) make("option", picker, "", name).value = value;
  return picker;
}

function button(parent, text) {
  const item = make("button", parent, "", text);
  item.type = "button";
  return item;
}

function drawControls(root) {
  const box = make("div", root, "controls");
  const numbers = make("table", box);
  const rows = ["D(anchor, positive)", "D(anchor, negative)", "margin α", "loss"].map((text) => {
    const row = make("tr", numbers);
    make("th", row, "", text).scope = "row";
    return make("td", row);
  });
  const status = make("p", box, "status");
  status.setAttribute("role", "status");
  const line = make("label", box, "row");
  make("span", line, "", "Margin α");
  const alpha = Object.assign(make("input", line), { type: "range", min: 0, max: 0.5, step: 0.01 });
  const name = choice(box, "Distance D", FORMULAS);
  const mining = choice(box, "Negative", { nearest: "the nearest (TLA)", random: "one at random (TLA-RN)" });
  const first = make("div", box, "buttons");
  const second = make("div", box, "buttons");
  return {
    rows, status, alpha, name, mining,
    descend: button(first, "▶ Descend"),
    reset: button(first, "Reset"),
    more: button(second, "Add a negative"),
    fewer: button(second, "Remove one"),
  };
}

// The state as the address of the page holds it.
function toAddress(state) {
  const text = ([x, y]) => `${Number(x.toFixed(2))},${Number(y.toFixed(2))}`;
  const { anchor, positive, negatives } = state;
  return { ...state, anchor: text(anchor), positive: text(positive), negatives: negatives.map(text).join(";") };
}

function build(root, data, send) {
  const state = structuredClone(data.state);
  let theme = data.theme;
  const plane = drawPlane(root);
  const controls = drawControls(root);
  let points = [];
  let timer = null;

  const show = () => {
    const found = tripletLoss(state.anchor, state);
    const pull = pulls(state, found);
    shade(plane.canvas, state, rgb(SHADES[theme].wrong));
    place(points[0], state.anchor, pull.anchor, true);
    place(points[1], state.positive, pull.positive, true);
    state.negatives.forEach((at, k) => {
      const used = k === found.index;
      place(points[2 + k], at, used ? pull.negative : [0, 0], used);
    });
    const numbers = [found.near, found.far, state.alpha, found.loss];
    controls.rows.forEach((cell, k) => (cell.textContent = numbers[k].toFixed(k === 2 ? 2 : 4)));
    controls.status.textContent = found.loss
      ? "Active: the arrows show where a training step pulls each embedding."
      : "Satisfied: the negative is farther than the positive by at least the margin; nothing is pulled.";
    controls.alpha.setAttribute("aria-valuetext", state.alpha.toFixed(2));
    controls.fewer.disabled = state.negatives.length < 2;
    controls.more.disabled = state.negatives.length >= data.maxNegatives;
    return found;
  };
  const report = () => {
    show();
    send(toAddress(state));
  };
  const stop = () => {
    if (timer === null) return;
    cancelAnimationFrame(timer);
    timer = null;
    controls.descend.textContent = "▶ Descend";
    report();
  };
  const pointAt = (k) => (k === 0 ? state.anchor : k === 1 ? state.positive : state.negatives[k - 2]);
  const move = (k, to) => {
    [0, 1].forEach((axis) => (pointAt(k)[axis] = clamp(to[axis])));
    show();
  };
  const makeDraggable = (one, k) => {
    const at = (event) => {
      const box = plane.svg.getBoundingClientRect();
      const share = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
      return share.map((value) => value * 2 * REACH - REACH);
    };
    one.mark.onpointerdown = (event) => {
      stop();
      one.mark.setPointerCapture(event.pointerId);
      one.mark.onpointermove = (next) => move(k, at(next));
    };
    one.mark.onpointerup = one.mark.onpointercancel = () => {
      one.mark.onpointermove = null;
      report();
    };
    one.mark.onkeydown = (event) => {
      const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      stop();
      move(k, minus(pointAt(k), by, -1));
    };
    one.mark.onkeyup = (event) => event.key.startsWith("Arrow") && report();
  };
  const rebuild = () => {
    for (const layer of [plane.rays, plane.arrows, plane.marks]) layer.replaceChildren();
    const names = state.negatives.map((_, k) => (state.negatives.length > 1 ? `negative ${k + 1}` : "negative"));
    const colour = (role) => SHADES[theme].ten[data.roles[role]];
    points = [
      point(plane, "anchor", colour("anchor"), "anchor"),
      point(plane, "positive", colour("positive"), "positive"),
      ...names.map((name) => point(plane, "negative", colour("negative"), name)),
    ];
    points.forEach(makeDraggable);
    controls.alpha.value = state.alpha;
    controls.name.value = state.distance;
    controls.mining.value = state.drawn === null ? "nearest" : "random";
    show();
  };
  const randomIndex = () => Math.floor(Math.random() * state.negatives.length);
  controls.alpha.oninput = () => {
    state.alpha = Number(controls.alpha.value);
    show();
  };
  controls.alpha.onchange = report;
  controls.name.onchange = () => {
    state.distance = controls.name.value;
    report();
  };
  controls.mining.onchange = () => {
    state.drawn = controls.mining.value === "nearest" ? null : randomIndex();
    report();
  };
  controls.more.onclick = () => {
    stop();
    const turn = Math.random() * Math.PI * 0.5;
    state.negatives.push([5 * Math.cos(turn), 5 * Math.sin(turn)]);
    rebuild();
    report();
  };
  controls.fewer.onclick = () => {
    stop();
    state.negatives.pop();
    if (state.drawn !== null) state.drawn = Math.min(state.drawn, state.negatives.length - 1);
    rebuild();
    report();
  };
  controls.reset.onclick = () => {
    stop();
    Object.assign(state, structuredClone(data.initial));
    rebuild();
    report();
  };
  controls.descend.onclick = () => {
    if (timer !== null) return stop();
    controls.descend.textContent = "❚❚ Stop";
    let left = 600;
    const step = () => {
      const found = tripletLoss(state.anchor, state);
      left -= 1;
      if (found.loss === 0 || left === 0) return stop();
      const pull = pulls(state, found);
      const rate = state.distance === "euclidean" ? -0.02 : -0.25;
      state.anchor = minus(state.anchor, pull.anchor, rate).map(clamp);
      state.positive = minus(state.positive, pull.positive, rate).map(clamp);
      state.negatives[found.index] = minus(state.negatives[found.index], pull.negative, rate).map(clamp);
      show();
      timer = requestAnimationFrame(step);
    };
    timer = requestAnimationFrame(step);
  };
  rebuild();
  let moved = data.moved;
  // Points are moved from outside only where that is said: the answer to an earlier move would throw them back.
  const update = (given) => {
    const fresh = given.moved !== undefined && given.moved !== moved;
    if (!fresh && (given.theme ?? theme) === theme) return;
    if (fresh) Object.assign(state, structuredClone(given.state));
    moved = given.moved ?? moved;
    theme = given.theme ?? theme;
    stop();
    rebuild();
  };
  return { stop, update };
}

export function mount(parent, data, holder) {
  const root = make("div", parent, "triplet");
  const { stop, update } = build(root, data, (address) => holder.set("address", address));
  return { update, remove: () => (stop(), root.remove()) };
}
