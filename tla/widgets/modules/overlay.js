// Over the points of a map: the rings of the focus, the way of an attack, the line that is being drawn.
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

// The path of an attack: {points (pairs of 16-bit numbers), wrong (a flag each), breaks (where a restart begins)}.
function drawPath(map, context, { points, wrong, breaks = [] }, ink, paper) {
  const view = map.transform();
  const { right, wrong: bad } = map.scene.colours;
  const at = (k) => [view.ax * points[2 * k] + view.bx, view.ay * points[2 * k + 1] + view.by];
  const count = points.length / 2;
  for (const [style, width] of [[paper, 4.5], [ink, 1.8]]) {
    context.beginPath();
    for (let k = 0; k < count; k += 1) context[k && !breaks.includes(k) ? "lineTo" : "moveTo"](...at(k));
    Object.assign(context, { strokeStyle: style, lineWidth: width, lineJoin: "round" });
    context.stroke();
  }
  for (let k = 0; k < count; k += 1) {
    context.beginPath();
    context.arc(...at(k), k === count - 1 ? 5 : 2.6, 0, 2 * Math.PI);
    context.fillStyle = `rgb(${wrong[k] ? bad : right})`;
    context.fill();
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
