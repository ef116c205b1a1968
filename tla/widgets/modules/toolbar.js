// Above the maps: tools, what the colours and arrows show, the methods, and the morph with its handle.
import { counted, make } from "./elements.js";

const TOOLS = { lasso: "Lasso", box: "Box", pan: "Move" };
const COLOURS = { true: "true class", predicted: "class predicted under attack", flipped: "changed by the attack" };
const ARROWS = { selection: "selection", all: "all images", none: "none" };
const SECONDS = 1.6;

function button(parent, text, press, title = "") {
  const made = make("button", parent, "", text);
  made.type = "button";
  made.title = title;
  made.onclick = press;
  return made;
}

function picker(parent, text, options, choose) {
  const label = make("label", parent, "pick");
  make("span", label, "", text);
  const made = make("select", label);
  for (const [value, name] of Object.entries(options)) make("option", made, "", name).value = value;
  made.onchange = () => choose(made.value);
  return made;
}

export class Toolbar {
  constructor(root, maps, controls) {
    this.maps = maps;
    this.bar = make("div", root, "bar");
    const tools = make("div", this.bar, "group");
    tools.setAttribute("role", "group");
    tools.setAttribute("aria-label", "what dragging does");
    this.tools = Object.entries(TOOLS).map(([name, text]) => {
      const made = button(tools, text, () => maps.setTool(name), `${text}: drag in a map (${{ lasso: "L", box: "B", pan: "H" }[name]})`);
      made.dataset.tool = name;
      return made;
    });
    button(this.bar, "Reset zoom", () => maps.resetViews(), "Show all points again (0, or a double click)");
    if (controls.includes("colour")) {
      this.colour = picker(this.bar, "Colour", COLOURS, (value) => maps.set("colour", value));
    }
    if (controls.includes("arrows")) {
      this.arrows = picker(this.bar, "Arrows", ARROWS, (value) => maps.set("arrows", value));
    }
    this.count = make("span", this.bar, "count");
    this.count.setAttribute("role", "status");
    this.clear = button(this.bar, "Clear", () => maps.select(new Uint8Array(maps.scene.n)), "Select nothing (Escape)");
    if (controls.includes("methods")) this.methods = make("div", root, "bar methods");
    if (controls.includes("morph")) this.addMorph(root);
  }

  addMorph(root) {
    const { maps } = this;
    const row = make("div", root, "scrub");
    this.play = button(row, "▶ Play", () => (this.timer ? this.stop() : this.start()));
    make("span", row, "", "clean");
    this.morph = make("input", row);
    Object.assign(this.morph, { type: "range", min: 0, max: 1, step: 0.001 });
    this.morph.setAttribute("aria-label", "from clean to adversarial");
    this.morph.oninput = () => {
      this.stop();
      maps.set("morph", Number(this.morph.value), false);
    };
    this.morph.onchange = () => maps.holder.set("morph", maps.state.morph);
    make("span", row, "", "adversarial");
  }

  start() {
    const { maps } = this;
    let from = maps.state.morph >= 1 ? 0 : maps.state.morph;
    const begun = performance.now() - from * SECONDS * 1000;
    this.play.textContent = "❚❚ Stop";
    const step = (now) => {
      from = Math.min(1, (now - begun) / (SECONDS * 1000));
      maps.set("morph", Math.max(0, from), false);
      if (from >= 1) return this.stop();
      this.timer = requestAnimationFrame(step);
    };
    this.timer = requestAnimationFrame(step);
  }

  stop() {
    if (!this.timer) return;
    cancelAnimationFrame(this.timer);
    this.timer = null;
    this.play.textContent = "▶ Play";
    this.maps.holder.set("morph", this.maps.state.morph);
  }

  show() {
    const { state, scene, tool } = this.maps;
    this.tools.forEach((one) => one.setAttribute("aria-pressed", one.dataset.tool === tool));
    if (this.colour) this.colour.value = state.colour;
    if (this.arrows) this.arrows.value = state.arrows;
    if (this.morph) {
      this.morph.value = state.morph;
      this.morph.setAttribute("aria-valuetext", `${(100 * state.morph).toFixed(0)} % of the way to adversarial`);
    }
    this.count.textContent = scene.count ? `${scene.count} of ${scene.n} selected` : counted(scene.n, "image");
    this.clear.disabled = !scene.count;
    if (this.methods) this.showMethods();
  }

  showMethods() {
    const { maps } = this.maps.scene;
    const shown = this.maps.shownMaps().map(({ key }) => key);
    if (this.methods.childElementCount !== maps.length || this.listed !== this.maps.scene) {
      this.listed = this.maps.scene;
      this.methods.replaceChildren();
      if (maps.length < 2) return;
      for (const { key, label } of maps) {
        const made = button(this.methods, label, () => this.toggle(key), `show or hide the map of ${label}`);
        made.dataset.key = key;
      }
    }
    [...this.methods.children].forEach((one) => one.setAttribute("aria-pressed", shown.includes(one.dataset.key)));
  }

  toggle(key) {
    const { maps } = this;
    const shown = maps.shownMaps().map((map) => map.key);
    const next = maps.scene.maps.map((map) => map.key).filter((one) => shown.includes(one) !== (one === key));
    if (next.length) maps.set("methods", next);
  }

  remove() {
    if (this.timer) cancelAnimationFrame(this.timer);
  }
}
