// The neighbours of a query, clean and adversarial, for each method. All of them are there: the slider chooses in the
// browser how many are seen, and Python is called when it is released.
import { make } from "./elements.js";
import { pictureTile } from "./tiles.js";

// A neighbour is marked if it is not among the first k of the other query.
function marked(tile, k, word) {
  const there = tile.elsewhere > 0 && tile.elsewhere <= k;
  return there ? tile : { ...tile, note: `${tile.note} ${word}` };
}

function strip(parent, data, size) {
  const box = make("section", parent, "strip");
  const head = make("p", box, "head", data.nothing ?? "");
  const row = make("div", box, "tiles");
  row.setAttribute("role", "group");
  if (data.nothing) return () => {};
  row.setAttribute("aria-label", data.label);
  return (k) => {
    head.textContent = data.heads[k - 1];
    const near = data.tiles.slice(0, k).map((tile) => marked(tile, k, data.word));
    row.replaceChildren(...[data.query, ...near].map((tile) => pictureTile(tile, size)));
  };
}

function slider(parent, data, choose, holder) {
  const label = make("label", parent, "slide");
  make("span", label, "", "Neighbours k");
  const handle = make("input", label);
  // Python never moves the slider: the answer to an earlier move would throw it back.
  Object.assign(handle, { type: "range", min: 1, max: data.most, step: 1, value: data.k });
  const text = make("output", label, "", String(data.k));
  handle.oninput = () => {
    text.textContent = handle.value;
    choose(Number(handle.value));
  };
  handle.onchange = () => holder.set("k", Number(handle.value));
  return handle;
}

export function mount(parent, given, holder) {
  const root = make("div", parent, "neighbours");
  let k = given.k;
  let shows = [];
  const choose = (number) => {
    k = number;
    for (const show of shows) show(k);
  };
  if (given.chosen) slider(root, given, choose, holder);
  const groups = make("div", root);
  const update = (data) => {
    groups.replaceChildren();
    shows = data.groups.flatMap(({ label, strips }) => {
      const box = make("div", groups, data.chosen ? "method framed" : "method");
      if (label) make("h4", box, "", label);
      const sides = make("div", box, "sides");
      return strips.map((one) => strip(sides, one, data.size));
    });
    choose(Math.min(k, data.most));
  };
  update(given);
  return { update, remove: () => root.remove() };
}
