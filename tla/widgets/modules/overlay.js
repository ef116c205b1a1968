// Over the points of a map: the rings of the focus, the way of an attack, the line that is being drawn.
import { SYMBOLS, trace } from "./symbols.js";

function drawLine(context, line, ink) {
  context.beginPath();
  line.forEach((point, k) => context[k ? "lineTo" : "moveTo"](...point));
  context.closePath();
  Object.assign(context, { strokeStyle: ink, lineWidth: 1.2, fillStyle: ink });
  context.setLineDash([4, 3]);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 0.07;
  context.fill();
  context.globalAlpha = 1;
}

// The path of an attack: {points (pairs of 16-bit numbers), style {colour, symbol} of each, breaks (where a restart
// begins)}. A step and the line that leads to it have the colour of the class that is predicted there.
function drawPath(map, context, { points, style, breaks = [] }, ink, paper) {
  const view = map.transform();
  const at = (k) => [view.ax * points[2 * k] + view.bx, view.ay * points[2 * k + 1] + view.by];
  const colour = (k) => `rgb(${map.scene.colours.palette[style.colour[k]]})`;
  const count = points.length / 2;
  const begins = new Set([0, ...breaks]);
  const thin = breaks.length ? 0.6 : 1;
  const line = (k, width) => {
    context.beginPath();
    context.moveTo(...at(k - 1));
    context.lineTo(...at(k));
    context.lineWidth = width * thin;
    context.stroke();
  };
  Object.assign(context, { lineJoin: "round", lineCap: "round", strokeStyle: paper });
  for (let k = 1; k < count; k += 1) if (!begins.has(k)) line(k, 5);
  for (let k = 1; k < count; k += 1) {
    context.strokeStyle = colour(k);
    if (!begins.has(k)) line(k, 2.2);
  }
  for (let k = 0; k < count; k += 1) {
    const last = k === count - 1 || begins.has(k + 1);
    trace(context, SYMBOLS[style.symbol[k]], ...at(k), last ? 6 : 3.2 * thin);
    Object.assign(context, { fillStyle: colour(k), strokeStyle: last ? ink : paper, lineWidth: last ? 1.4 : 0.7 });
    context.fill();
    context.stroke();
  }
}

export function drawOver(map) {
  const context = map.overlay.getContext("2d");
  const { focus, hover, path, colours } = map.scene;
  const ink = `rgb(${colours.ink})`;
  const paper = `rgb(${colours.paper})`;
  context.setTransform(map.ratio, 0, 0, map.ratio, 0, 0);
  context.clearRect(0, 0, map.width, map.height);
  if (path) drawPath(map, context, path, ink, paper);
  const ring = (at, radius, width) => {
    if (!at) return;
    for (const [style, more] of [[paper, 2.5], [ink, 0]]) {
      context.beginPath();
      context.arc(...at, radius, 0, 2 * Math.PI);
      Object.assign(context, { strokeStyle: style, lineWidth: width + more });
      context.stroke();
    }
  };
  if (map.shown(focus)) {
    ring(map.place(focus, 0), 7, 1.5);
    ring(map.place(focus, 1), 9, 2.5);
    ring(map.place(focus), 4, 1.5);
  }
  if (map.shown(hover)) ring(map.place(hover), 7, 1);
  if (map.gestures.drag?.line) drawLine(context, map.gestures.drag.line, ink);
}
