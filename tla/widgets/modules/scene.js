// What the maps show, as columns: from classes, predictions and a selection to a colour, a symbol and a level for each
// point. No page is needed for any of this.
import { fromBits } from "./packing.js";

export const [PALE, RIGHT, WRONG] = [10, 11, 12];

export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// Colours of a theme as numbers: the palette of the points, then those of paper, ink and arrows.
export function coloursOf(shades) {
  const palette = [...shades.ten, shades.pale, shades.right, shades.wrong].map(rgb);
  const [paper, ink, soft] = [shades.panel, shades.ink, shades.soft].map(rgb);
  return { palette, paper, ink, soft, right: rgb(shades.right), wrong: rgb(shades.wrong) };
}

// A number out of a column of small integers that stand for `low` to `high`; NaN for the largest one.
export function measure({ low, high, values }, k) {
  const most = values instanceof Uint8Array ? 255 : 65535;
  return values[k] === most ? NaN : low + ((high - low) * values[k]) / (most - 1);
}

export function median(numbers) {
  const sorted = Float64Array.from(numbers).sort();
  const middle = sorted.length >> 1;
  if (!sorted.length) return NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export class Scene {
  constructor(data) {
    this.n = data.n;
    this.y = data.y;
    this.classes = data.classes;
    this.ids = data.ids;
    this.maps = data.maps;
    this.own = new Uint8Array(data.classes.length);
    data.coloured.forEach((k) => (this.own[k] = 1));
    this.rows = null;
    this.selection = new Uint8Array(this.n);
    this.count = 0;
  }

  id(k) {
    return this.ids ? this.ids[k] : k;
  }

  position(id) {
    if (id === null || id === undefined) return -1;
    if (!this.ids) return id >= 0 && id < this.n ? id : -1;
    this.rows ??= new Map(Array.from(this.ids, (one, k) => [one, k]));
    return this.rows.get(id) ?? -1;
  }

  className(k) {
    return this.classes[k] ?? String(k);
  }

  select(mask) {
    this.selection = mask;
    this.count = mask.reduce((sum, one) => sum + one, 0);
  }

  selectBits(bits) {
    this.select(fromBits(bits, this.n));
  }

  // A new mask from the present selection and another one.
  combined(mask, how) {
    if (how === "set") return mask;
    return mask.map((one, k) => (how === "add" ? one | this.selection[k] : this.selection[k] & (1 - one)));
  }

  // Positions of the selected images, all of them where nothing is selected.
  chosen() {
    const chosen = [];
    for (let k = 0; k < this.n; k += 1) if (!this.count || this.selection[k]) chosen.push(k);
    return chosen;
  }

  style(map, colour, only) {
    const style = { colour: new Uint8Array(this.n), symbol: new Uint8Array(this.n), level: new Uint8Array(this.n) };
    const allowed = only && new Set(only);
    const shownClass = colour === "predicted" ? map.prediction : this.y;
    for (let k = 0; k < this.n; k += 1) {
      if (map.start[2 * k] !== 65535 && (!allowed || allowed.has(this.y[k]))) {
        style.level[k] = !this.count || this.selection[k] ? 2 : 1;
      }
      this.dress(style, k, shownClass[k], colour === "flipped" ? map.prediction[k] !== this.y[k] : null);
    }
    return style;
  }

  // Colour and symbol of one point: of its class, or of right and wrong.
  dress(style, k, shown, wrong) {
    if (wrong === null) {
      style.colour[k] = this.own[shown] ? shown % 10 : PALE;
      style.symbol[k] = this.own[shown] ? (shown + Math.floor(shown / 10)) % 10 : 0;
    } else {
      style.colour[k] = wrong ? WRONG : RIGHT;
      style.symbol[k] = wrong ? 5 : 0;
    }
  }

  // Colours and symbols of a path's steps, by the classes predicted there; by right and wrong where these colour points.
  pathStyle(path, colour) {
    const n = path.wrong.length;
    const style = { colour: new Uint8Array(n), symbol: new Uint8Array(n) };
    for (let k = 0; k < n; k += 1) {
      this.dress(style, k, path.prediction?.[k], colour === "flipped" || !path.prediction ? !!path.wrong[k] : null);
    }
    return style;
  }

  // Arrows of the selection or of all; where nothing is selected, of `most` images, evenly thinned.
  arrows(map, which, style, most) {
    if (which === "none") return null;
    const flags = new Uint8Array(this.n);
    const wanted = [];
    for (let k = 0; k < this.n; k += 1) {
      if (style.level[k] && (which === "all" || !this.count || this.selection[k])) wanted.push(k);
    }
    const every = which === "all" || this.count ? 1 : Math.max(1, wanted.length / most);
    for (let at = 0; at < wanted.length; at += every) {
      const k = wanted[Math.floor(at)];
      flags[k] = map.prediction[k] === this.y[k] ? 1 : 2;
    }
    return flags;
  }

  // What was measured in the full space, and how many are misclassified, attacked and clean: of the selection, or of all
  // images; of those whose class is known.
  summary(map) {
    const chosen = this.chosen();
    const known = chosen.filter((k) => this.y[k] < this.classes.length);
    const wrong = (found) => known.length ? known.filter((k) => found[k] !== this.y[k]).length / known.length : NaN;
    const found = { n: chosen.length, wrong: wrong(map.prediction), before: wrong(map.clean), medians: {} };
    for (const [name, column] of Object.entries(map.measures ?? {})) {
      const numbers = chosen.map((k) => measure(column, k)).filter((value) => !Number.isNaN(value));
      found.medians[name] = median(numbers);
      if (name === "margin") {
        found.nearer = numbers.length ? numbers.filter((value) => value < 0).length / numbers.length : NaN;
      }
    }
    return found;
  }
}

export const percent = (share) => (Number.isNaN(share) ? "–" : `${(100 * share).toFixed(0)} %`);

// The head of a map: "AT: 58 % misclassified (clean: 33 %)".
export function headOf({ label }, { n, wrong, before }, selected) {
  const whose = selected ? ` of ${n} selected` : "";
  if (Number.isNaN(wrong)) return selected ? `${label}: ${n} selected` : label;
  return `${label}: ${percent(wrong)}${whose} misclassified (clean: ${percent(before)})`;
}

// The line below it: "turned 21° · 83 % nearer false centroid".
export function noteOf({ medians, nearer }) {
  const parts = [];
  if (Number.isFinite(medians.angle)) parts.push(`turned ${medians.angle.toFixed(medians.angle < 1 ? 1 : 0)}°`);
  if (nearer !== undefined && !Number.isNaN(nearer)) parts.push(`${percent(nearer)} nearer false centroid`);
  return parts.join(" · ");
}
