// Light or dark, as the page around an element is, and the colours of the figures as CSS variables.
import { SHADES } from "./shades.js";

function channels(text) {
  const numbers = text.match(/[\d.]+/g)?.map(Number) ?? [];
  return numbers.length >= 3 && (numbers.length < 4 || numbers[3] > 0.5) ? numbers : null;
}

// The theme of what is behind an element; every notebook, editor and page says it in its own way, but all paint.
export function themeOf(element) {
  for (let at = element; at; at = at.parentElement ?? at.getRootNode()?.host) {
    if (at.nodeType !== 1) continue;
    const found = channels(getComputedStyle(at).backgroundColor);
    if (found) return 0.299 * found[0] + 0.587 * found[1] + 0.114 * found[2] < 128 ? "dark" : "light";
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

// Calls `change` with the theme whenever the page around an element may have changed it; returns how to stop.
export function watchTheme(element, theme, change) {
  const look = () => {
    const now = themeOf(element);
    if (now !== theme) change((theme = now));
  };
  const later = () => setTimeout(look, 60);
  const watcher = new MutationObserver(later);
  for (const place of [document.documentElement, document.body]) {
    watcher.observe(place, { attributes: true, attributeFilter: ["class", "style", "data-theme", "data-jp-theme-light", "theme"] });
  }
  // A notebook puts an element on its page some time after it was made.
  const attached = () => (element.isConnected ? look() : setTimeout(attached, 40));
  attached();
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", later);
  return () => {
    watcher.disconnect();
    media.removeEventListener("change", later);
  };
}

// Sets the variables that all style sheets of this folder use.
export function dress(root, theme, own = {}) {
  const shade = SHADES[theme];
  const variables = {
    ink: shade.ink, soft: shade.soft, paper: shade.paper, raised: shade.panel, grid: shade.grid, line: shade.grid,
    accent: shade.accent, good: shade.right, bad: shade.wrong, font: SHADES.font, ...own,
  };
  for (const [name, value] of Object.entries(variables)) root.style.setProperty(`--tla-${name}`, value);
  root.classList.add("tla");
  root.dataset.theme = theme;
  root.style.colorScheme = theme;
}
