// An attack that runs now on one image: its settings, and the film of its steps to scrub.
import { make } from "./elements.js";
import { mount as mountFilm } from "./film.js";
import { Pictures } from "./pictures.js";

const SIZE = 34;
const MOST = 60;

class AttackLab {
  constructor(root, data, holder) {
    Object.assign(this, { data, holder });
    this.pictures = new Pictures(data.pictures ?? []);
    this.root = make("div", root, "lab");
    this.tiles = make("div", this.root, "strip");
    this.tiles.setAttribute("role", "group");
    this.tiles.setAttribute("aria-label", "images to attack");
    this.form = make("div", this.root, "bar");
    this.attack = this.choice("Attack", data.attacks.map((name) => [name, name]), "attack", String);
    this.eps = this.number(`eps (${data.norm})`, "eps", { min: 0, max: data.mostEps, step: data.mostEps / 200 });
    this.steps = this.number("Steps", "steps", { min: 1, max: 200, step: 1 });
    const targets = [["", "any wrong class"], ...data.classes.map((name, k) => [String(k), name])];
    this.target = this.choice("Target", targets, "target", (value) => (value === "" ? null : Number(value)));
    this.verdict = make("p", this.root, "verdict");
    this.verdict.setAttribute("role", "status");
    this.film = make("div", this.root);
    this.show();
  }

  choice(text, options, name, read) {
    const label = make("label", this.form, "pick");
    make("span", label, "", text);
    const made = make("select", label);
    options.forEach(([value, shown]) => (make("option", made, "", shown).value = value));
    made.onchange = () => this.send(name, read(made.value));
    return made;
  }

  number(text, name, range) {
    const label = make("label", this.form, "pick");
    make("span", label, "", text);
    const made = Object.assign(make("input", label), { type: "range", ...range });
    const shown = make("output", label);
    made.oninput = () => (shown.textContent = Number(made.value).toPrecision(3).replace(/\.?0+$/, ""));
    made.onchange = () => this.send(name, Number(made.value));
    return { made, shown };
  }

  send(name, value) {
    if (this.data[name] === value) return;
    this.data[name] = value;
    if (this.data.answers) {
      this.verdict.textContent = "Attacking …";
      this.root.dataset.busy = "true";
    }
    this.holder.set(name, value);
  }

  update(given) {
    this.data = { ...this.data, ...given };
    this.show();
  }

  show() {
    const { data } = this;
    this.attack.value = data.attack;
    this.target.value = data.target === null ? "" : String(data.target);
    for (const name of ["eps", "steps"]) {
      const { made, shown } = this[name];
      made.value = data[name];
      shown.textContent = Number(data[name].toPrecision(3));
    }
    const { stepless } = data;
    this.steps.made.disabled = stepless.includes(data.attack);
    this.form.querySelectorAll("select, input").forEach((one) => (one.disabled ||= !data.answers));
    this.showTiles();
    if (data.made === this.made) return;
    this.made = data.made;
    this.root.dataset.busy = "false";
    this.verdict.textContent = data.error || data.verdict;
    this.shown?.remove();
    this.film.replaceChildren();
    this.shown = data.film ? mountFilm(this.film, data.film) : null;
  }

  showTiles() {
    const { data, tiles } = this;
    if (this.listed !== data.ids) {
      this.listed = data.ids;
      tiles.replaceChildren();
      Array.from(data.ids).slice(0, MOST).forEach((id, place) => {
        const tile = make("button", tiles, "tile");
        tile.type = "button";
        tile.dataset.id = id;
        tile.setAttribute("aria-label", `image ${id}, ${data.classes[data.y[place]]}`);
        this.pictures.show(tile, "clean", place, SIZE);
        tile.onclick = () => this.send("focus", id);
        tile.disabled = !data.answers;
      });
    }
    [...tiles.children].forEach((tile) => tile.classList.toggle("focus", Number(tile.dataset.id) === data.focus));
  }

  remove() {
    this.shown?.remove();
    this.pictures.remove();
    this.root.remove();
  }
}

export function mount(root, data, holder) {
  const lab = new AttackLab(root, data, holder);
  return { update: (given) => lab.update(given), remove: () => lab.remove() };
}
