// The path of one attack: a slider moves through its steps in the browser, without calling Python.
import { make, rebuilt, scrubber } from "./elements.js";

function portrait(parent, title) {
  const figure = make("figure", parent);
  const image = make("img", figure);
  const caption = make("figcaption", figure);
  image.alt = title;
  return { image, caption };
}

function bars(parent, data) {
  const box = make("div", parent, "bars");
  const rows = data.shownClasses.map((k) => {
    make("span", box, "name", data.classes[k]);
    const bar = make("div", box, "bar");
    const fill = make("i", bar);
    const before = make("b", bar);
    before.style.left = `calc(${(100 * data.before[k]).toFixed(1)}% - 1px)`;
    const number = make("span", box, "number");
    return { k, bar, fill, number };
  });
  make("span", box, "legend", "bar: at this step · vertical mark: clean image");
  return rows;
}

function best(row) {
  return row.reduce((at, value, k) => (value > row[at] ? k : at), 0);
}

function show(view, data, at) {
  const probabilities = data.probabilities[at];
  const predicted = best(probabilities);
  const right = predicted === data.trueClass;
  view.noise.image.src = data.noises[at];
  view.now.image.src = data.frames[at];
  view.now.image.className = right ? "good" : "bad";
  view.now.caption.textContent = `${right ? "✓" : "✗"} ${data.classes[predicted]} (${(100 * probabilities[predicted]).toFixed(0)} %)`;
  view.rows.forEach(({ k, bar, fill, number }) => {
    fill.style.width = `${(100 * probabilities[k]).toFixed(1)}%`;
    number.textContent = `${(100 * probabilities[k]).toFixed(1)} %`;
    bar.className = `bar ${k === data.trueClass ? "true" : k === predicted ? "predicted" : ""}`;
  });
  return { label: data.labels[at], spoken: `${data.labels[at]}, ${view.now.caption.textContent}` };
}

function build(parent, data) {
  const root = make("div", parent, "film");
  root.style.setProperty("--size", `${data.size}px`);
  const line = make("div", root, "line");
  const sum = make("div", line, "sum");
  const clean = portrait(sum, "clean image");
  clean.image.src = data.clean;
  const start = best(data.before);
  clean.image.className = start === data.trueClass ? "good" : "bad";
  clean.caption.textContent = `clean: ${data.classes[start]} (${(100 * data.before[start]).toFixed(0)} %)`;
  make("span", sum, "sign", "+");
  const noise = portrait(sum, "noise, magnified");
  noise.caption.textContent = data.noiseCaption;
  make("span", sum, "sign", "=");
  const now = portrait(sum, "adversarial image");
  const rows = bars(line, data);
  const last = data.frames.length - 1;
  const pace = Math.max(40, Math.min(250, 3000 / data.frames.length));
  return scrubber(root, "attack step", last, pace, (at) => show({ noise, now, rows }, data, at));
}

export const mount = rebuilt(build);
