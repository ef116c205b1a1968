// What colours and symbols stand for; a press selects the images of a class.
import { make } from "./elements.js";
import { PALE, RIGHT, WRONG } from "./scene.js";
import { SYMBOLS, trace } from "./symbols.js";

function swatch(parent, symbol, [red, green, blue]) {
  const canvas = Object.assign(make("canvas", parent), { width: 28, height: 28 });
  const context = canvas.getContext("2d");
  context.fillStyle = `rgb(${red},${green},${blue})`;
  trace(context, SYMBOLS[symbol], 14, 14, 8);
  context.fill();
}

export class Legend {
  constructor(root, maps) {
    this.maps = maps;
    this.box = make("div", root, "legend");
    this.box.setAttribute("role", "group");
    this.box.setAttribute("aria-label", "select the images of a class");
  }

  show() {
    const { scene, state, theme, shownMaps } = this.maps;
    const key = [this.maps.data.version, state.colour, theme, String(state.only), shownMaps.call(this.maps)[0]?.key].join();
    if (key === this.key) return;
    this.key = key;
    this.box.replaceChildren();
    if (state.colour === "flipped") this.showFlipped(scene);
    else this.showClasses(scene, state);
  }

  entry(text, symbol, colour, test) {
    const made = make("button", this.box, "entry");
    made.type = "button";
    swatch(made, symbol, this.maps.colours.palette[colour]);
    made.append(text);
    made.onclick = (event) => {
      const mask = Uint8Array.from({ length: this.maps.scene.n }, (_, k) => (test(k) ? 1 : 0));
      this.maps.select(this.maps.scene.combined(mask, event.shiftKey ? "add" : event.altKey ? "take" : "set"));
    };
  }

  // Under attack each map predicts its own classes: those of the first map that is shown.
  showClasses(scene, { colour, only }) {
    const first = this.maps.shownMaps()[0];
    const classOf = colour === "predicted" && first ? first.prediction : scene.y;
    const present = new Set(classOf);
    let others = 0;
    scene.classes.forEach((name, k) => {
      if (!present.has(k) || (only && colour !== "predicted" && !only.includes(k))) return;
      if (!scene.own[k]) {
        others += 1;
        return;
      }
      this.entry(name, (k + Math.floor(k / 10)) % 10, k % 10, (at) => classOf[at] === k);
    });
    if (others) this.entry(`${others} other classes`, 0, PALE, (at) => !scene.own[classOf[at]]);
    if (others) this.addSearch(scene, classOf);
  }

  // Classes without a colour of their own are found by name.
  addSearch(scene, classOf) {
    const input = make("input", this.box);
    Object.assign(input, { type: "search", placeholder: "find a class" });
    input.setAttribute("aria-label", "find a class and select its images");
    input.onchange = () => {
      const text = input.value.trim().toLowerCase();
      if (text) this.maps.selectWhere((k) => scene.className(classOf[k]).toLowerCase().includes(text));
    };
  }

  showFlipped(scene) {
    const first = this.maps.shownMaps()[0];
    if (!first) return;
    const wrong = (k) => first.prediction[k] !== scene.y[k];
    this.entry("stays right", 0, RIGHT, (k) => !wrong(k));
    this.entry("misclassified under attack", 5, WRONG, wrong);
  }
}
