// The table of a threshold: of misclassified adversarial and of correct clean images, how many are refused and passed.
import { make } from "./elements.js";

const WHAT = ["caught", "missed", "alarms", "passed"];

// The numbers of a row.
export function columnsOf(caught, positives, alarms, negatives, threshold) {
  const missed = positives - caught;
  return { caught, missed, alarms, passed: negatives - alarms, positives, negatives, threshold };
}

export function headOf(table) {
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

// A row; with `press`, its numbers can be pressed.
export function rowOf(body, label, colour, press = null) {
  const row = make("tr", body);
  const name = make("th", row);
  name.scope = "row";
  make("b", name, "swatch").style.background = colour;
  name.append(label);
  const cells = WHAT.map((what, place) => {
    const box = make("td", row);
    const bar = make("i", box, place === 0 || place === 3 ? "good" : "bad");
    const text = make(press ? "button" : "span", box);
    if (press) Object.assign(text, { type: "button", onclick: () => press(what) });
    return { bar, text };
  });
  return { cells, score: make("td", row) };
}

function fill({ bar, text }, count, total) {
  const share = total ? count / total : 0;
  bar.style.width = `calc(${(100 * share).toFixed(1)}% - 4px)`;
  text.textContent = total ? `${count} (${(100 * share).toFixed(0)} %)` : "none";
}

export function fillRow({ cells, score }, { caught, missed, alarms, passed, positives, negatives, threshold }) {
  [[caught, positives], [missed, positives], [alarms, negatives], [passed, negatives]].forEach(([count, total], k) =>
    fill(cells[k], count, total),
  );
  const known = threshold !== null && Number.isFinite(threshold);
  score.textContent = known ? Number(threshold.toPrecision(4)).toString() : "none refused";
}
