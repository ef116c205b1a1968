// A threshold: while the slider moves, the numbers and the marks in the charts follow in the browser; Python is called
// when it is released.
import { columnsOf, fillRow, headOf, rowOf } from "./cells.js";
import { make } from "./elements.js";

// Plotly redraws its marks when Python answers; until then they are moved to where they will be.
function moveMarkers(plot, rows, at) {
  const { xaxis, yaxis } = plot._fullLayout;
  for (const group of plot.querySelectorAll(".scatterlayer .trace")) {
    const name = group.__data__?.[0]?.trace?.name;
    const row = rows.find(({ label }) => name === `${label} at the threshold`);
    const mark = row && group.querySelector(".points path");
    if (!mark) continue;
    const x = row.fpr[at];
    mark.setAttribute("transform", `translate(${xaxis.l2p(x)},${yaxis.l2p(row.tpr[at])})`);
    mark.style.display = x > Math.max(...xaxis.range) ? "none" : "";
  }
}

function moveLines(plot, rows, at) {
  const layout = plot._fullLayout;
  (layout.shapes || []).forEach((shape, index) => {
    const row = rows.find(({ label }) => shape.name === `threshold of ${label}`);
    const stroke = row && plot.querySelector(`.shapelayer path[data-index="${index}"]`);
    if (!stroke) return;
    const axis = layout[shape.xref.replace("x", "xaxis")];
    const score = row.thresholds[at];
    stroke.style.display = score === null || score > Math.max(...axis.range) ? "none" : "";
    stroke.setAttribute("transform", `translate(${axis.l2p(score) - axis.l2p(shape.x0)},0)`);
  });
}

function follow(data, at) {
  for (const [chart, move] of [[data.roc, moveMarkers], [data.histograms, moveLines]]) {
    const plot = document.querySelector(`${chart} .js-plotly-plot`);
    if (plot?._fullLayout) move(plot, data.rows, at);
  }
}

function build(parentElement, data) {
  const root = make("div", parentElement, "threshold");
  const slide = make("label", root, "slide");
  make("span", slide, "", "Clean images refused");
  const handle = make("input", slide);
  // Python never moves the slider: the answer to an earlier move would throw it back.
  Object.assign(handle, { type: "range", min: 0, max: data.percents.length - 1, step: 1, value: data.index });
  const text = make("output", slide);
  const table = make("table", make("div", root, "wide"), "counts");
  headOf(table);
  return { root, handle, text, body: make("tbody", table) };
}

export function mount(parent, given, holder) {
  const view = build(parent, given);
  const update = (data) => fillTable(view, data, holder);
  update(given);
  return { update, remove: () => view.root.remove() };
}

function fillTable({ handle, text, body }, data, holder) {
  body.replaceChildren();
  const lines = data.rows.map(({ label, colour }) => rowOf(body, label, colour));
  const show = (at) => {
    text.textContent = `${data.percents[at].toFixed(1)} %`;
    handle.setAttribute("aria-valuetext", text.textContent);
    data.rows.forEach((row, place) => {
      const counts = [row.positive[at], row.positives, row.negative[at], row.negatives];
      fillRow(lines[place], columnsOf(...counts, row.thresholds[at]));
    });
  };
  show(Number(handle.value));
  handle.oninput = () => {
    show(Number(handle.value));
    follow(data, Number(handle.value));
  };
  handle.onchange = () => holder.set("percent", data.percents[Number(handle.value)]);
}
