// A threshold: while the slider moves, the numbers and the marks in the charts follow in the browser; Python is called
// when it is released.
function cell(row, good) {
  const box = make("td", row);
  return { bar: make("i", box, good ? "good" : "bad"), text: make("span", box) };
}

function fill({ bar, text }, count, total) {
  const share = total ? count / total : 0;
  bar.style.width = `calc(${(100 * share).toFixed(1)}% - 4px)`;
  text.textContent = total ? `${count} (${(100 * share).toFixed(0)} %)` : "none";
}

function head(table) {
  const top = make("thead", table);
  const groups = make("tr", top);
  make("th", groups);
  for (const text of ["misclassified adversarial images", "clean images, correct"]) {
    Object.assign(make("th", groups, "", text), { colSpan: 2, scope: "colgroup" });
  }
  make("th", groups);
  const names = make("tr", top);
  for (const text of ["", "refused", "passed", "refused", "passed", "lowest score refused"]) {
    make("th", names, "", text).scope = "col";
  }
}

function line(body, { label, colour }) {
  const row = make("tr", body);
  const name = make("th", row);
  name.scope = "row";
  make("b", name, "swatch").style.background = colour;
  name.append(label);
  const cells = [cell(row, true), cell(row, false), cell(row, false), cell(row, true)];
  return { cells, score: make("td", row) };
}

function rounded(value) {
  return value === null ? "none refused" : Number(value.toPrecision(4)).toString();
}

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
  const table = make("table", make("div", root, "wide"));
  head(table);
  return { root, handle, text, body: make("tbody", table) };
}

const known = new WeakMap();

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const view = known.get(parentElement) || build(parentElement, data);
  known.set(parentElement, view);
  const { root, handle, text, body } = view;
  root.style.setProperty("--good", data.good);
  root.style.setProperty("--bad", data.bad);
  body.replaceChildren();
  const lines = data.rows.map((row) => line(body, row));
  const show = (at) => {
    text.textContent = `${data.percents[at].toFixed(1)} %`;
    handle.setAttribute("aria-valuetext", text.textContent);
    data.rows.forEach((row, place) => {
      const [caught, missed, alarms, passed] = lines[place].cells;
      fill(caught, row.positive[at], row.positives);
      fill(missed, row.positives - row.positive[at], row.positives);
      fill(alarms, row.negative[at], row.negatives);
      fill(passed, row.negatives - row.negative[at], row.negatives);
      lines[place].score.textContent = rounded(row.thresholds[at]);
    });
  };
  show(Number(handle.value));
  handle.oninput = () => {
    show(Number(handle.value));
    follow(data, Number(handle.value));
  };
  handle.onchange = () => setStateValue("percent", data.percents[Number(handle.value)]);
}
