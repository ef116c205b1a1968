// Pictures by image, cut from sheets: one PNG with many images of the same size in rows.
import { make } from "./elements.js";

export class Pictures {
  constructor(sheets = []) {
    this.sheets = new Map();
    sheets.forEach((sheet) => this.add(sheet));
  }

  // sheet: {kind, png (bytes), columns, width, height, keys (which image is at each place; null: 0, 1, 2, ...)}.
  add(sheet) {
    const url = URL.createObjectURL(new Blob([sheet.png], { type: "image/png" }));
    const places = sheet.keys && new Map(Array.from(sheet.keys, (key, place) => [key, place]));
    const held = { ...sheet, url, places };
    this.sheets.set(sheet.kind, [...(this.sheets.get(sheet.kind) ?? []), held]);
  }

  find(kind, key) {
    for (const sheet of this.sheets.get(kind) ?? []) {
      const place = sheet.places ? sheet.places.get(key) : key < sheet.count ? key : undefined;
      if (place !== undefined) return { sheet, place };
    }
    return null;
  }

  has(kind, key) {
    return this.find(kind, key) !== null;
  }

  // An element that shows an image `size` pixels high; an empty frame where there is no picture of it.
  show(parent, kind, key, size, text = "") {
    const found = this.find(kind, key);
    const box = make("span", parent, found ? "picture" : "picture none");
    if (text) {
      box.setAttribute("role", "img");
      box.setAttribute("aria-label", text);
    }
    if (!found) {
      Object.assign(box.style, { width: `${size}px`, height: `${size}px` });
      return box;
    }
    const { sheet, place } = found;
    const width = (size * sheet.width) / sheet.height;
    const [row, column] = [Math.floor(place / sheet.columns), place % sheet.columns];
    Object.assign(box.style, {
      width: `${width}px`, height: `${size}px`, backgroundImage: `url(${sheet.url})`,
      backgroundSize: `${width * sheet.columns}px auto`, backgroundPosition: `${-column * width}px ${-row * size}px`,
      imageRendering: sheet.height < 100 ? "pixelated" : "auto",
    });
    return box;
  }

  remove() {
    for (const sheets of this.sheets.values()) sheets.forEach(({ url }) => URL.revokeObjectURL(url));
    this.sheets.clear();
  }
}
