// Lets a Streamlit component hold a module: `mount(root, data, {set, fire})` -> {update, remove}.
import { toBase64, unpack } from "./packing.js";
import { dress, themeOf } from "./theme.js";

const STREAMLIT = {
  ink: "var(--st-text-color)", paper: "var(--st-background-color)", raised: "var(--st-secondary-background-color)",
  line: "var(--st-border-color)", accent: "var(--st-primary-color)", font: "var(--st-font)",
};
const held = new WeakMap();

const plain = (value) => (ArrayBuffer.isView(value) ? toBase64(value) : value);

function begin(mount, component, data, theme) {
  const root = document.createElement("div");
  dress(root, theme, STREAMLIT);
  component.parentElement.append(root);
  const one = { root, component };
  one.view = mount(root, data, {
    set: (name, value) => one.component.setStateValue(name, plain(value)),
    fire: (name, value) => one.component.setTriggerValue(name, plain(value)),
  });
  return one;
}

export function hold(mount) {
  return (component) => {
    const { parentElement: parent } = component;
    const theme = themeOf(parent.host ?? parent);
    const data = component.data instanceof Uint8Array ? unpack(component.data) : component.data;
    const given = { ...data, theme };
    const known = held.get(parent);
    if (known) {
      known.component = component;
      dress(known.root, theme, STREAMLIT);
      known.view.update(given);
    } else {
      held.set(parent, begin(mount, component, given, theme));
    }
    // Streamlit calls what a call gave back when a newer call was under way already, too: only the last one ends it.
    const one = held.get(parent);
    const turn = (one.turn = (one.turn ?? 0) + 1);
    return () => {
      if (one.turn !== turn || held.get(parent) !== one) return;
      held.delete(parent);
      one.view.remove();
      one.root.remove();
    };
  };
}
