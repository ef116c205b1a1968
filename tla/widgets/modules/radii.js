// One image at growing eps, for two models: its picture, its place on the map, its nearest training images. All of it is
// there: the slider answers in the browser.
import { draw, make, rebuilt, scrubber } from "./elements.js";
import { pictureTile } from "./tiles.js";

const SIDE = 300;
const EDGE = 14;
const PACE = 700;

// From the map's to the drawing's coordinates, with one scale for both directions.
function scale(points) {
  const [us, vs] = [points.map(([u]) => u), points.map(([, v]) => v)];
  const [left, right, low, high] = [Math.min(...us), Math.max(...us), Math.min(...vs), Math.max(...vs)];
  const reach = Math.max(right - left, high - low, 1e-6);
  const size = SIDE - 2 * EDGE;
  return ([u, v]) => [
    SIDE / 2 + ((u - (left + right) / 2) / reach) * size,
    SIDE / 2 - ((v - (low + high) / 2) / reach) * size,
  ];
}

function mapOf(parent, panel, colours) {
  const position = scale([...panel.known, ...panel.way]);
  const svg = draw("svg", parent, { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img" });
  panel.known.forEach((place, k) => {
    const [x, y] = position(place);
    draw("circle", svg, { cx: x, cy: y, r: 2.4, fill: colours[panel.knownClasses[k]] ?? "currentColor", class: "known" });
  });
  const trail = draw("polyline", svg, { class: "trail" });
  const halo = draw("circle", svg, { r: 12, class: "halo" });
  const dot = draw("circle", svg, { r: 7, class: "dot" });
  return (at) => {
    const way = panel.way.slice(0, at + 1).map(position);
    trail.setAttribute("points", way.map((place) => place.join()).join(" "));
    for (const mark of [halo, dot]) mark.setAttribute("transform", `translate(${way[at].join()})`);
    const { predicted, right } = panel.steps[at];
    dot.setAttribute("fill", colours[predicted] ?? "currentColor");
    halo.setAttribute("class", right ? "halo" : "halo wrong");
    svg.setAttribute("aria-label", `${panel.label}: map of ${panel.known.length} test images; ${panel.steps[at].says}`);
  };
}

function panelOf(parent, panel, data) {
  const box = make("section", parent, "panel");
  const head = make("div", box, "head");
  const image = make("img", head, "now");
  const name = make("div", head);
  make("h4", name, "", panel.label);
  const says = make("p", name, "says");
  const sides = make("div", box, "sides");
  const show = mapOf(sides, panel, data.colours);
  const near = make("div", sides, "near");
  const words = make("p", near, "words");
  const row = make("div", near, "tiles");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", `${panel.label}: nearest training images`);
  return (at) => {
    const step = panel.steps[at];
    Object.assign(image, { src: step.picture, alt: `image ${data.id} at eps ${data.labels[at]}` });
    image.classList.toggle("bad", !step.right);
    says.textContent = `${step.right ? "✓" : "✗"} ${step.says}`;
    says.className = step.right ? "says good" : "says bad";
    words.textContent = step.words;
    row.replaceChildren(...step.near.map((place) => pictureTile(panel.neighbours[place], data.size)));
    show(at);
  };
}

function build(parent, data) {
  const root = make("div", parent, "radii");
  const top = make("div", root, "control");
  const sentence = make("p", root, "sentence");
  sentence.setAttribute("aria-live", "polite");
  const row = make("div", root, "panels");
  const panels = data.panels.map((panel) => panelOf(row, panel, data));
  const show = (at) => {
    for (const panel of panels) panel(at);
    sentence.textContent = data.sentences[at];
    return { label: `eps ${data.labels[at]}`, spoken: data.sentences[at] };
  };
  const stop = scrubber(top, "eps", data.labels.length - 1, PACE, show, data.at);
  make("p", root, "legend", data.legend);
  return stop;
}

export const mount = rebuilt(build);
