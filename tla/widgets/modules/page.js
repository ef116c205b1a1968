// Lets a page that was saved as a file hold a module: the data are in the page, and nobody answers.
import { fromBase64, unpack } from "./packing.js";
import { dress, themeOf, watchTheme } from "./theme.js";

export function hold(mount, styles) {
  const root = document.getElementById("tla");
  document.head.append(Object.assign(document.createElement("style"), { textContent: styles }));
  const data = unpack(fromBase64(document.getElementById("data").textContent));
  const show = (theme) => {
    document.documentElement.dataset.theme = theme;
    dress(root, theme);
  };
  show(themeOf(document.body));
  const view = mount(root, { ...data, theme: root.dataset.theme }, { set: () => {}, fire: () => {} });
  const change = (theme) => {
    show(theme);
    view.update({ theme });
  };
  watchTheme(document.body, root.dataset.theme, change);
  document.getElementById("theme").onclick = () => change(root.dataset.theme === "dark" ? "light" : "dark");
  return view;
}
