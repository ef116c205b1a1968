// Maps whose columns are kept on the page, and whose holder answers late: an answer to an earlier lasso does not undo a
// later one.
import { whenKept } from "./kept.js";
import { Maps } from "./maps.js";
import { toBase64 } from "./packing.js";

class KeptMaps {
  constructor(root, data, holder) {
    Object.assign(this, { root, holder, stamp: data.stamp ?? 0, maps: null, stop: () => {} });
    this.update(data);
  }

  send(name, value) {
    if (name !== "selection" && name !== "focus") return;
    this.stamp += 1;
    const plain = ArrayBuffer.isView(value) ? toBase64(value) : value;
    this.holder.set(name, { value: plain, stamp: this.stamp });
  }

  update(given) {
    const { selection, focus, ...rest } = given;
    const fresh = (given.stamp ?? 0) >= this.stamp ? { ...rest, selection, focus } : rest;
    this.stop();
    this.stop = whenKept(given.kept, (columns) => {
      const data = { ...columns, ...fresh, version: columns.version };
      if (this.maps) this.maps.update(data);
      else this.begin({ arrows: given.firstArrows ?? "selection", ...data, selection, focus });
    });
  }

  begin(data) {
    this.maps = new Maps(this.root, data, { set: (name, value) => this.send(name, value), fire: () => {} });
    this.root.tlaMaps = this.maps;
  }

  remove() {
    this.stop();
    this.maps?.remove();
  }
}

export function mount(root, data, holder) {
  const maps = new KeptMaps(root, data, holder);
  return { update: (given) => maps.update(given), remove: () => maps.remove() };
}
