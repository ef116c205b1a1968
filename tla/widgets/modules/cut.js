// A detection threshold: ROC and histograms with a handle, what is refused and what passes, and the images of each.
import { draw, make } from "./elements.js";
import { columnsOf, fillRow, headOf, rowOf } from "./cells.js";

const [SIDE, EDGE] = [250, 34];
const [WIDE, HIGH] = [300, 120];
const BINS = 30;

// How many of some ascending scores are at or above a threshold.
function above(scores, threshold) {
  let [low, high] = [0, scores.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scores[middle] < threshold) low = middle + 1;
    else high = middle;
  }
  return scores.length - low;
}

// The lowest score of either side above which at most a share of the clean images lies, as `Roc.at_fpr` of the
// library; Infinity refuses none.
export function thresholdAt({ positive, negative }, share) {
  const sides = [positive.scores, negative.scores];
  if (sides.some((scores) => !scores.length)) return Infinity;
  const most = Math.floor(share * negative.scores.length + 1e-9);
  const edge = most < negative.scores.length ? negative.scores[negative.scores.length - 1 - most] : -Infinity;
  const next = sides.map((scores) => scores.find((score) => score > edge) ?? Infinity);
  return Math.min(...next);
}

function curve({ positive, negative }) {
  const steps = [...new Set([...positive.scores, ...negative.scores])].sort((a, b) => b - a);
  const share = (side, at) => above(side.scores, at) / Math.max(1, side.scores.length);
  return [[0, 0], ...steps.map((at) => [share(negative, at), share(positive, at)])];
}

export class Cut {
  // data: {methods: [{key, label, colours: {light, dark}, positive: {scores, ids}, negative: {scores, ids}}], share,
  // detector, eps, note}; both sides in ascending order of their scores.
  constructor(parent, data, holder) {
    Object.assign(this, { holder, data, share: data.share ?? 0.05, focus: null });
    this.root = make("div", parent, "cut");
    this.heading = make("h3", this.root);
    const slide = make("label", this.root, "slide");
    make("span", slide, "", "Clean images refused");
    this.handle = make("input", slide);
    Object.assign(this.handle, { type: "range", min: 0, max: 50, step: 0.5, value: 100 * this.share });
    this.text = make("output", slide);
    this.handle.oninput = () => this.move(Number(this.handle.value) / 100, false);
    this.handle.onchange = () => this.move(Number(this.handle.value) / 100, true);
    this.charts = make("div", this.root, "charts");
    const table = make("table", make("div", this.root, "wide"), "counts");
    headOf(table);
    this.body = make("tbody", table);
    make("p", this.root, "note", "Each method has its own threshold, so that all refuse the same share of clean images. Press a number to select its images.");
    this.build();
  }

  build() {
    const { detector, eps, methods } = this.data;
    this.heading.textContent = `Threshold on the score ${detector}${eps === null || eps === undefined ? "" : `, attack eps ${eps}`}`;
    this.charts.replaceChildren();
    this.body.replaceChildren();
    this.roc = this.drawRoc(methods);
    this.lines = methods.map((method) => ({
      method,
      histogram: this.drawHistogram(method),
      row: rowOf(this.body, method.label, this.colour(method), (what) => this.choose(method, what)),
    }));
    this.show();
  }

  colour({ colours }) {
    return colours[this.data.theme ?? this.root.closest("[data-theme]")?.dataset.theme ?? "light"];
  }

  drawRoc(methods) {
    const figure = make("figure", this.charts);
    make("figcaption", figure, "", "ROC: misclassified adversarial images against clean ones");
    const svg = draw("svg", figure, { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", "aria-label": "ROC curve of each method" });
    const at = ([x, y]) => [EDGE + x * (SIDE - EDGE - 8), SIDE - EDGE - y * (SIDE - EDGE - 8)];
    draw("path", svg, { class: "axis", d: `M${at([0, 1])} L${at([0, 0])} L${at([1, 0])} M${at([0, 0])} L${at([1, 1])}` });
    draw("text", svg, { x: SIDE / 2, y: SIDE - 6, "text-anchor": "middle" }, "clean images refused");
    draw("text", svg, { x: 12, y: SIDE / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${SIDE / 2})` }, "adversarial images refused");
    const marks = methods.map((method) => {
      const points = curve(method).map(at);
      draw("path", svg, { class: "line", stroke: this.colour(method), d: points.map((one, k) => `${k ? "L" : "M"}${one}`).join("") });
      return draw("circle", svg, { r: 5, fill: this.colour(method), class: "spot" });
    });
    return { marks, at };
  }

  drawHistogram(method) {
    const figure = make("figure", this.charts);
    make("figcaption", figure, "", method.label);
    const svg = draw("svg", figure, { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `scores of ${method.label}` });
    const sides = [method.negative, method.positive];
    const scores = sides.flatMap((side) => Array.from(side.scores)).sort((a, b) => a - b);
    if (!scores.length) {
      draw("text", svg, { x: WIDE / 2, y: HIGH / 2, "text-anchor": "middle" }, "no scores");
      return null;
    }
    // Long tails share the last bars: most of the width is for where the sides differ.
    const quantile = (side, share) => side.scores[Math.round(share * (side.scores.length - 1))] ?? scores[0];
    const low = scores[Math.floor(scores.length / 200)];
    const high = Math.max(quantile(method.negative, 0.995), quantile(method.positive, 0.85), low);
    const span = high - low || 1;
    const x = (score) => 8 + (WIDE - 16) * Math.max(-0.02, Math.min(1.02, (score - low) / span));
    sides.forEach((side, k) => this.bars(svg, side, k ? "bad" : "good", low, span, x));
    draw("path", svg, { class: "axis", d: `M8,${HIGH - 16} H${WIDE - 8}` });
    draw("text", svg, { x: 8, y: HIGH - 3 }, low.toPrecision(3));
    draw("text", svg, { x: WIDE - 8, y: HIGH - 3, "text-anchor": "end" }, high.toPrecision(3));
    draw("text", svg, { x: WIDE / 2, y: HIGH - 3, "text-anchor": "middle" }, "score");
    const line = draw("path", svg, { class: "handle" });
    const spots = draw("g", svg);
    return { line, x, spots };
  }

  bars(svg, side, tone, low, span, x) {
    const counts = new Array(BINS).fill(0);
    for (const score of side.scores) counts[Math.max(0, Math.min(BINS - 1, Math.floor((BINS * (score - low)) / span)))] += 1;
    const top = Math.max(1, ...counts);
    const group = draw("g", svg, { class: `bars ${tone}` });
    counts.forEach((count, k) => {
      const height = ((HIGH - 26) * count) / top;
      const [from, to] = [x(low + (span * k) / BINS), x(low + (span * (k + 1)) / BINS)];
      if (count) draw("rect", group, { x: from, y: HIGH - 16 - height, width: Math.max(1, to - from), height });
    });
  }

  // The same as the handle, from outside.
  setShare(share) {
    this.share = share;
    this.handle.value = 100 * share;
    this.show();
  }

  move(share, done) {
    this.share = share;
    this.show();
    if (done) this.holder.set("share", share);
  }

  show() {
    this.text.textContent = `${(100 * this.share).toFixed(1)} %`;
    this.handle.setAttribute("aria-valuetext", this.text.textContent);
    this.lines.forEach(({ method, histogram, row }, k) => {
      const threshold = thresholdAt(method, this.share);
      const found = columnsOf(above(method.positive.scores, threshold), method.positive.scores.length,
        above(method.negative.scores, threshold), method.negative.scores.length, threshold);
      fillRow(row, found);
      const share = (count, total) => (total ? count / total : 0);
      const [x, y] = this.roc.at([share(found.alarms, found.negatives), share(found.caught, found.positives)]);
      Object.entries({ cx: x, cy: y }).forEach(([name, value]) => this.roc.marks[k].setAttribute(name, value));
      if (!histogram) return;
      const place = Number.isFinite(threshold) ? histogram.x(threshold) : WIDE - 8;
      histogram.line.setAttribute("d", `M${place},4 V${HIGH - 16}`);
      this.showFocus(method, histogram);
    });
  }

  showFocus(method, { spots, x }) {
    spots.replaceChildren();
    for (const [side, tone] of [[method.negative, "good"], [method.positive, "bad"]]) {
      const at = this.focus === null ? -1 : side.ids.indexOf(this.focus);
      if (at >= 0) draw("circle", spots, { class: `spot ${tone}`, cx: x(side.scores[at]), cy: HIGH - 16, r: 5 });
    }
  }

  mark(focus) {
    this.focus = focus;
    this.show();
  }

  choose(method, what) {
    const threshold = thresholdAt(method, this.share);
    const [side, over] = { caught: ["positive", true], missed: ["positive", false], alarms: ["negative", true], passed: ["negative", false] }[what];
    const { scores, ids } = method[side];
    this.holder.fire("choose", Array.from(ids).filter((_, k) => scores[k] >= threshold === over));
  }

  update(given) {
    const before = this.data;
    this.data = { ...before, ...given };
    if (given.methods || given.theme) this.build();
    if (given.share !== undefined && given.share !== this.share) this.setShare(given.share);
    if (given.focus !== undefined) this.mark(given.focus);
  }

  remove() {
    this.root.remove();
  }
}

export function mount(root, data, holder) {
  const cut = new Cut(root, data, holder);
  cut.mark(data.focus ?? null);
  return { update: (given) => cut.update(given), remove: () => cut.remove() };
}
