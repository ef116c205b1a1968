// Maps of several trainings side by side; a slider moves through the epochs in the browser.
import { counted, draw, make, rebuilt, scrubber } from "./elements.js";

const SIDE = 320;
const EDGE = 14;

// From map to drawing coordinates, with one scale for all epochs.
function scale({ clean, adversarial }) {
  const reach = Math.max(...[clean, adversarial].flat(3).map(Math.abs), 1e-6);
  const centre = SIDE / 2;
  return ([x, y]) => [centre + (x / reach) * (centre - EDGE), centre - (y / reach) * (centre - EDGE)];
}

function panel(parent, map, data) {
  const position = scale(map);
  const figure = make("figure", parent);
  make("figcaption", figure, "name", map.label);
  const svg = draw("svg", figure, { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img" });
  const count = map.labels.length;
  const lines = map.labels.map((label) => draw("line", svg, { stroke: data.colours[label], class: "shift" }));
  const dots = map.labels.map((label) => draw("circle", svg, { r: 3, fill: data.colours[label] }));
  const ends = map.labels.map((label) => draw("path", svg, { d: "M0,-5 L5,0 L0,5 L-5,0 Z", fill: data.colours[label] }));
  map.labels.forEach((label, k) => {
    for (const mark of [dots[k], ends[k]]) draw("title", mark, {}, data.classes[label]);
  });
  const numbers = make("p", figure, "numbers");
  return (at) => {
    for (let k = 0; k < count; k += 1) {
      const [x, y] = position(map.clean[at][k]);
      const [u, v] = position(map.adversarial[at][k]);
      dots[k].setAttribute("transform", `translate(${x},${y})`);
      ends[k].setAttribute("transform", `translate(${u},${v})`);
      ends[k].setAttribute("class", map.right[at][k] ? "end" : "end wrong");
      for (const [name, value] of Object.entries({ x1: x, y1: y, x2: u, y2: v })) lines[k].setAttribute(name, value);
    }
    const share = (100 * map.right[at].filter(Boolean).length) / count;
    const relative = (100 * map.relative[at]).toFixed(0);
    numbers.textContent = `${share.toFixed(0)} % right under attack, which turns an embedding by ${map.angle[at].toFixed(1)}° (${relative} % of the angle to the nearest other class)`;
    svg.setAttribute("aria-label", `${map.label}, map of ${counted(count, "test image")}, clean and under attack: ${numbers.textContent}`);
  };
}

function build(parent, data) {
  const root = make("div", parent, "live-training");
  const row = make("div", root, "maps");
  const panels = data.maps.map((map) => panel(row, map, data));
  const last = data.maps[0].clean.length - 1;
  const stop = scrubber(root, "epoch", last, 450, (at) => {
    panels.forEach((panel) => panel(at));
    const text = at ? `after epoch ${at} of ${last}` : "untrained";
    return { label: text, spoken: text };
  });
  const legend = make("p", root, "legend", "dot: clean image · diamond: the same image under attack, ");
  make("b", legend, "", "ringed");
  legend.append(" where the network is wrong · colour: true class · each map has its own scale, the same for all epochs");
  return stop;
}

export const mount = rebuilt(build);
