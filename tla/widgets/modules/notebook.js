// Lets a notebook's widget (anywidget) hold a module: `mount(root, data, {set, fire})` -> {update, remove}.
import { unpack } from "./packing.js";
import { dress, watchTheme, themeOf } from "./theme.js";

function shadow(element, styles) {
  const root = element.attachShadow({ mode: "open" });
  root.append(Object.assign(document.createElement("style"), { textContent: styles }));
  const box = document.createElement("div");
  root.append(box);
  return box;
}

export function hold(mount, styles) {
  return {
    render({ model, el }) {
      const element = document.createElement("div");
      el.append(element);
      const root = shadow(element, styles);
      const names = model.get("_shared");
      const block = () => unpack(model.get("_data"));
      const state = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
      dress(root, themeOf(el));
      const view = mount(root, { ...block(), ...state(), theme: root.dataset.theme }, {
        set(name, value) {
          if (!names.includes(name)) return;
          model.set(name, value);
          model.save_changes();
        },
        fire: (name, value) => model.send({ name, value }),
      });
      const redress = (theme) => {
        dress(root, theme);
        view.update({ theme });
      };
      const stop = watchTheme(el, root.dataset.theme, redress);
      const listeners = names.map((name) => [`change:${name}`, () => view.update({ [name]: model.get(name) })]);
      listeners.push(["change:_data", () => view.update(block())]);
      listeners.push(["msg:custom", (content, buffers) => view.update(content.block ? unpack(buffers[0]) : content)]);
      listeners.forEach(([event, listener]) => model.on(event, listener));
      return () => {
        listeners.forEach(([event, listener]) => model.off(event, listener));
        stop();
        view.remove();
      };
    },
  };
}
