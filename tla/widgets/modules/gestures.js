// What a pointer, a wheel and keys do in a map: a line round points, zoom, moving, a press, what is under the pointer.
import { Walk } from "./walk.js";

export class Gestures {
  constructor(map) {
    Object.assign(this, { map, fingers: new Map(), drag: null, walk: new Walk(map) });
    const { box } = map;
    box.addEventListener("pointerdown", (event) => this.down(event));
    box.addEventListener("pointermove", (event) => this.move(event));
    box.addEventListener("pointerup", (event) => this.up(event));
    box.addEventListener("pointercancel", (event) => this.up(event, true));
    box.addEventListener("pointerleave", () => this.map.report.hover(-1));
    box.addEventListener("dblclick", () => this.map.reset());
    box.addEventListener("contextmenu", (event) => event.preventDefault());
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    box.addEventListener("keydown", (event) => this.key(event));
  }

  at(event) {
    const { left, top } = this.map.box.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  wheel(event) {
    event.preventDefault();
    const amount = event.deltaMode === 1 ? 18 * event.deltaY : event.deltaY;
    this.map.zoomBy(Math.exp(-Math.max(-120, Math.min(120, amount)) * 0.004), ...this.at(event));
  }

  down(event) {
    if (!this.map.geometry || (event.pointerType === "mouse" && event.button === 2)) return;
    this.map.box.focus({ preventScroll: true });
    try {
      this.map.box.setPointerCapture(event.pointerId);
    } catch {} // a pointer that a script made up cannot be captured
    const point = this.at(event);
    this.fingers.set(event.pointerId, point);
    const pan = this.map.tool === "pan" || event.button === 1;
    this.drag = this.fingers.size === 2 ? { pinch: true } : { from: point, pan, far: false, line: null };
    this.map.report.hover(-1);
  }

  move(event) {
    const point = this.at(event);
    if (!this.fingers.has(event.pointerId)) {
      if (event.pointerType !== "touch") this.map.report.hover(this.map.nearest(...point), event.clientX, event.clientY);
      return;
    }
    const before = this.fingers.get(event.pointerId);
    if (this.drag?.pinch) this.pinch(event.pointerId, before, point);
    else if (this.drag) this.pull(before, point);
    this.fingers.set(event.pointerId, point);
  }

  pinch(id, before, point) {
    const other = [...this.fingers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const span = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
    this.map.zoomBy(span(point) / span(before), (point[0] + other[0]) / 2, (point[1] + other[1]) / 2);
    this.map.panBy((point[0] - before[0]) / 2, (point[1] - before[1]) / 2);
  }

  pull(before, point) {
    const drag = this.drag;
    drag.far ||= Math.hypot(point[0] - drag.from[0], point[1] - drag.from[1]) > 4;
    if (!drag.far) return;
    if (drag.pan) {
      this.map.panBy(point[0] - before[0], point[1] - before[1]);
      return;
    }
    const [[x0, y0], [x1, y1]] = [drag.from, point];
    if (this.map.tool === "box") drag.line = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
    else drag.line = [...(drag.line ?? [drag.from]), point];
    this.map.invalidate();
  }

  up(event, cancelled = false) {
    if (!this.fingers.delete(event.pointerId)) return;
    const drag = this.drag;
    if (this.fingers.size === 0) this.drag = null;
    if (!drag || drag.pinch || cancelled) return this.map.invalidate();
    if (drag.line) this.map.report.select(this.map.enclosed(drag.line), event.shiftKey ? "add" : event.altKey ? "take" : "set");
    else if (!drag.far) this.map.report.focus(this.map.nearest(...drag.from));
    this.map.invalidate();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 40;
    const moves = {
      ArrowLeft: () => this.map.panBy(step, 0), ArrowRight: () => this.map.panBy(-step, 0),
      ArrowUp: () => this.map.panBy(0, step), ArrowDown: () => this.map.panBy(0, -step),
    };
    const actions = {
      ...(event.shiftKey ? moves : {}),
      "+": () => this.map.zoomBy(1.25), "=": () => this.map.zoomBy(1.25), "-": () => this.map.zoomBy(0.8), 0: () => this.map.reset(),
      l: () => this.map.report.tool("lasso"), b: () => this.map.report.tool("box"), h: () => this.map.report.tool("pan"),
      Escape: () => this.map.report.select(new Uint8Array(this.map.geometry?.n ?? 0), "set"),
    };
    const action = actions[event.key];
    if (!action && !this.walk.key(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    action?.();
  }
}
