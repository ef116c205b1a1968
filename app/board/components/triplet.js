// Triplets to touch: points of a plane that can be dragged, the loss of the triplet they make, where its gradient pulls
// them, and the loss that the anchor would have anywhere else.
const REACH = 6.5;
const GRID = 96;
const STEP = 0.1;
const FORMULAS = { abs_cosine: "1 − |cos|", cosine: "1 − cos", euclidean: "length of u − v" };

const dot = (u, v) => u[0] * v[0] + u[1] * v[1];
const size = (u) => Math.sqrt(dot(u, u) + 1e-20);
const away = (u, v, times = 1) => [u[0] - times * v[0], u[1] - times * v[1]];
const inside = (value) => Math.max(-REACH, Math.min(REACH, value));

function distance(u, v, name) {
  if (name === "euclidean") return size(away(u, v));
  const cosine = dot(u, v) / (size(u) * size(v));
  return 1 - (name === "abs_cosine" ? Math.abs(cosine) : cosine);
}

// The gradient of the distance of u and v with respect to u.
function slope(u, v, name) {
  if (name === "euclidean") return away(u, v).map((part) => part / size(away(u, v)));
  const cosine = dot(u, v) / (size(u) * size(v));
  const sign = name === "abs_cosine" && cosine < 0 ? 1 : -1;
  return [0, 1].map((k) => sign * (v[k] / (size(u) * size(v)) - (cosine * u[k]) / dot(u, u)));
}

// The loss of an anchor, and the place of its negative.
function judged(anchor, { positive, negatives, alpha, distance: name, drawn }) {
  const far = negatives.map((negative) => distance(anchor, negative, name));
  const place = drawn === null ? far.indexOf(Math.min(...far)) : drawn;
  const near = distance(anchor, positive, name);
  return { place, near, far: far[place], loss: Math.max(0, near - far[place] + alpha) };
}

// Steepest descent: where each point of the triplet is pulled; nowhere once the loss is 0.
function pulls(state, { place, loss }) {
  const none = [0, 0];
  if (loss === 0) return { anchor: none, positive: none, negative: none };
  const { anchor, positive, negatives, distance: name } = state;
  const negative = negatives[place];
  return {
    anchor: away(slope(anchor, negative, name), slope(anchor, positive, name)),
    positive: slope(positive, anchor, name).map((part) => -part),
    negative: slope(negative, anchor, name),
  };
}

function shade(canvas, state, [red, green, blue]) {
  const picture = new ImageData(GRID, GRID);
  for (let row = 0; row < GRID; row += 1) {
    for (let column = 0; column < GRID; column += 1) {
      const anchor = [column, GRID - 1 - row].map((at) => ((at + 0.5) / GRID) * 2 * REACH - REACH);
      const strength = Math.min(1, judged(anchor, state).loss / (state.distance === "euclidean" ? 6 : 0.6));
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
function point(board, role, colour, words) {
  const ray = draw("line", board.rays, { stroke: colour, class: "ray" });
  const arrow = draw("path", board.arrows, { stroke: colour, class: "pull", "marker-end": "url(#tla-tip)" });
  const mark = draw("g", board.marks, { class: "mark", tabindex: 0, role: "button" });
  draw("circle", mark, { r: 0.55, class: "grip" });
  draw("path", mark, { d: OUTLINES[role], stroke: colour, fill: colour });
  return { ray, arrow, mark, label: draw("text", mark, {}, words), side: SIDES[role], words };
}

function place({ ray, arrow, mark, label, side, words }, [x, y], pull, used) {
  ray.setAttribute("x2", x);
  ray.setAttribute("y2", -y);
  mark.setAttribute("transform", `translate(${x},${-y})`);
  mark.classList.toggle("idle", !used);
  ray.classList.toggle("idle", !used);
  // Each role's label has its side, so that neighbours do not meet; all stay inside the plane.
  const left = side === "left" ? x > 2.6 - REACH : x > REACH - 2.6;
  const above = side === "right" ? y < 0.7 - REACH : y < REACH - 0.9;
  label.setAttribute("text-anchor", left ? "end" : "start");
  label.setAttribute("x", left ? -0.42 : 0.42);
  label.setAttribute("y", above ? -0.3 : 0.55);
  mark.setAttribute("aria-label", `${words} at ${x.toFixed(1)}, ${y.toFixed(1)}; the arrow keys move it`);
  const length = Math.hypot(...pull);
  arrow.style.display = length > 1e-9 ? "" : "none";
  const [dx, dy] = pull.map((part) => (part / (length || 1)) * (0.9 + Math.min(1.2, 4 * length)));
  arrow.setAttribute("d", `M${x},${-y} l${dx},${-dy}`);
}

function board(root) {
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
  draw("text", svg, { class: "note", x: 0.15, y: -REACH + 0.45 }, "feature 2");
  draw("text", svg, { class: "note", x: REACH - 0.15, y: -0.18, "text-anchor": "end" }, "after a ReLU all lie up here");
  const [rays, arrows, marks] = ["rays", "arrows", "marks"].map((name) => draw("g", svg, { class: name }));
  return { canvas, svg, rays, arrows, marks };
}

function choice(parent, words, options) {
  const line = make("label", parent, "row");
  make("span", line, "", words);
  const picker = make("select", line);
  for (const [value, name] of Object.entries(options)) make("option", picker, "", name).value = value;
  return picker;
}

function press(parent, words) {
  const button = make("button", parent, "", words);
  button.type = "button";
  return button;
}

function desk(root) {
  const box = make("div", root, "desk");
  const numbers = make("table", box);
  const rows = ["D(anchor, positive)", "D(anchor, negative)", "margin α", "loss"].map((words) => {
    const row = make("tr", numbers);
    make("th", row, "", words).scope = "row";
    return make("td", row);
  });
  const verdict = make("p", box, "verdict");
  verdict.setAttribute("role", "status");
  const line = make("label", box, "row");
  make("span", line, "", "Margin α");
  const alpha = Object.assign(make("input", line), { type: "range", min: 0, max: 0.5, step: 0.01 });
  const name = choice(box, "Distance D", FORMULAS);
  const mining = choice(box, "Negative", { nearest: "the nearest (TLA)", random: "one at random (TLA-RN)" });
  const first = make("div", box, "buttons");
  const second = make("div", box, "buttons");
  return {
    rows, verdict, alpha, name, mining,
    descend: press(first, "▶ Descend"),
    again: press(first, "Start again"),
    more: press(second, "Add a negative"),
    fewer: press(second, "Take one away"),
  };
}

// What the address of the page keeps.
function plain(state) {
  const words = ([x, y]) => `${Number(x.toFixed(2))},${Number(y.toFixed(2))}`;
  const { anchor, positive, negatives } = state;
  return { ...state, anchor: words(anchor), positive: words(positive), negatives: negatives.map(words).join(";") };
}

function play(root, data, tell) {
  const state = structuredClone(data.now);
  const plane = board(root);
  const parts = desk(root);
  let points = [];
  let timer = null;

  const show = () => {
    const found = judged(state.anchor, state);
    const pull = pulls(state, found);
    shade(plane.canvas, state, data.shade);
    place(points[0], state.anchor, pull.anchor, true);
    place(points[1], state.positive, pull.positive, true);
    state.negatives.forEach((at, k) => {
      const used = k === found.place;
      place(points[2 + k], at, used ? pull.negative : [0, 0], used);
    });
    const numbers = [found.near, found.far, state.alpha, found.loss];
    parts.rows.forEach((cell, k) => (cell.textContent = numbers[k].toFixed(k === 2 ? 2 : 4)));
    parts.verdict.textContent = found.loss
      ? "Active: the arrows show where one step of training pulls each embedding."
      : "Satisfied: the negative is farther than the positive by the margin; nothing is pulled.";
    parts.alpha.setAttribute("aria-valuetext", state.alpha.toFixed(2));
    parts.fewer.disabled = state.negatives.length < 2;
    parts.more.disabled = state.negatives.length >= data.most;
    return found;
  };
  const told = () => {
    show();
    tell(plain(state));
  };
  const halt = () => {
    if (timer === null) return;
    cancelAnimationFrame(timer);
    timer = null;
    parts.descend.textContent = "▶ Descend";
    told();
  };
  const spot = (k) => (k === 0 ? state.anchor : k === 1 ? state.positive : state.negatives[k - 2]);
  const move = (k, to) => {
    [0, 1].forEach((axis) => (spot(k)[axis] = inside(to[axis])));
    show();
  };
  const held = (one, k) => {
    const at = (event) => {
      const box = plane.svg.getBoundingClientRect();
      const share = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
      return share.map((part) => part * 2 * REACH - REACH);
    };
    one.mark.onpointerdown = (event) => {
      halt();
      one.mark.setPointerCapture(event.pointerId);
      one.mark.onpointermove = (next) => move(k, at(next));
    };
    one.mark.onpointerup = one.mark.onpointercancel = () => {
      one.mark.onpointermove = null;
      told();
    };
    one.mark.onkeydown = (event) => {
      const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      halt();
      move(k, away(spot(k), by, -1));
    };
    one.mark.onkeyup = (event) => event.key.startsWith("Arrow") && told();
  };
  const remade = () => {
    for (const layer of [plane.rays, plane.arrows, plane.marks]) layer.replaceChildren();
    const names = state.negatives.map((_, k) => (state.negatives.length > 1 ? `negative ${k + 1}` : "negative"));
    points = [
      point(plane, "anchor", data.colours.anchor, "anchor"),
      point(plane, "positive", data.colours.positive, "positive"),
      ...names.map((words) => point(plane, "negative", data.colours.negative, words)),
    ];
    points.forEach(held);
    parts.alpha.value = state.alpha;
    parts.name.value = state.distance;
    parts.mining.value = state.drawn === null ? "nearest" : "random";
    show();
  };
  const some = () => Math.floor(Math.random() * state.negatives.length);
  parts.alpha.oninput = () => {
    state.alpha = Number(parts.alpha.value);
    show();
  };
  parts.alpha.onchange = told;
  parts.name.onchange = () => {
    state.distance = parts.name.value;
    told();
  };
  parts.mining.onchange = () => {
    state.drawn = parts.mining.value === "nearest" ? null : some();
    told();
  };
  parts.more.onclick = () => {
    halt();
    const turn = Math.random() * Math.PI * 0.5;
    state.negatives.push([5 * Math.cos(turn), 5 * Math.sin(turn)]);
    remade();
    told();
  };
  parts.fewer.onclick = () => {
    halt();
    state.negatives.pop();
    if (state.drawn !== null) state.drawn = Math.min(state.drawn, state.negatives.length - 1);
    remade();
    told();
  };
  parts.again.onclick = () => {
    halt();
    Object.assign(state, structuredClone(data.first));
    remade();
    told();
  };
  parts.descend.onclick = () => {
    if (timer !== null) return halt();
    parts.descend.textContent = "❚❚ Stop";
    let left = 600;
    const step = () => {
      const found = judged(state.anchor, state);
      left -= 1;
      if (found.loss === 0 || left === 0) return halt();
      const pull = pulls(state, found);
      const rate = state.distance === "euclidean" ? -0.02 : -0.25;
      state.anchor = away(state.anchor, pull.anchor, rate).map(inside);
      state.positive = away(state.positive, pull.positive, rate).map(inside);
      state.negatives[found.place] = away(state.negatives[found.place], pull.negative, rate).map(inside);
      show();
      timer = requestAnimationFrame(step);
    };
    timer = requestAnimationFrame(step);
  };
  remade();
  return halt;
}

const known = new WeakSet();

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  // Python never moves the points: an answer to an earlier move would throw them back.
  if (known.has(parentElement)) return;
  known.add(parentElement);
  play(make("div", parentElement, "play"), data, (words) => setStateValue("words", words));
}
