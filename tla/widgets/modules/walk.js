// From point to point with the arrow keys: the nearest one in a direction, and Enter makes it the focus.
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ASIDE = 2;
const LEAST = 1.5;
const EDGE = 24;

// The nearest shown point from a place in a direction, -1 where there is none; what lies aside counts as farther.
export function nearestToward(map, [x, y], [right, down], without = -1) {
  let [best, least] = [-1, Infinity];
  for (let k = 0; k < map.geometry.n; k += 1) {
    const at = k === without || !map.shown(k) ? null : map.place(k);
    if (!at) continue;
    const [dx, dy] = [at[0] - x, at[1] - y];
    const along = dx * right + dy * down;
    const aside = Math.abs(dx * down) + Math.abs(dy * right);
    if (along < LEAST || aside > along) continue;
    const far = along + ASIDE * aside;
    if (far < least) [best, least] = [k, far];
  }
  return best;
}

export class Walk {
  constructor(map) {
    Object.assign(this, { map, at: -1 });
    map.box.addEventListener("blur", () => this.show(-1));
  }

  // True if the key was one of a walk.
  key(name) {
    const { map } = this;
    if (!map.geometry || !map.style) return false;
    if ((name === "Enter" || name === " ") && this.at >= 0) map.report.focus(this.at);
    else if (name in DIRECTIONS) this.step(DIRECTIONS[name]);
    else return false;
    return true;
  }

  step(direction) {
    const { map } = this;
    const here = [this.at, map.scene.focus].find((k) => map.shown(k) && map.place(k)) ?? -1;
    const from = here < 0 ? [map.width / 2, map.height / 2] : map.place(here);
    const next = nearestToward(map, from, direction, here);
    if (next >= 0) this.show(next);
  }

  show(k) {
    const { map } = this;
    this.at = k;
    if (k < 0) return map.report.hover(-1);
    const [x, y] = map.place(k);
    const back = (value, size) => Math.max(EDGE - value, 0) + Math.min(size - EDGE - value, 0);
    const [dx, dy] = [back(x, map.width), back(y, map.height)];
    if (dx || dy) map.panBy(dx, dy);
    const { left, top } = map.box.getBoundingClientRect();
    return map.report.hover(k, left + x + dx, top + y + dy);
  }
}
