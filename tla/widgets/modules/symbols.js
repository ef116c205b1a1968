// The ten symbols of the figures, as masks: how much of each pixel a symbol covers.
export const SYMBOLS = [
  "circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "star", "pentagon", "hexagram",
];

// Corners on a circle of radius `outer`, every second one on `inner` if it is given; the first one is at the top.
function corners(count, outer, inner = null, turn = 0) {
  return Array.from({ length: count }, (_, k) => {
    const angle = (2 * Math.PI * k) / count - Math.PI / 2 + turn;
    const reach = inner !== null && k % 2 ? inner : outer;
    return [reach * Math.cos(angle), reach * Math.sin(angle)];
  });
}

const CROSS = [
  [-0.36, -1], [0.36, -1], [0.36, -0.36], [1, -0.36], [1, 0.36], [0.36, 0.36], [0.36, 1], [-0.36, 1], [-0.36, 0.36],
  [-1, 0.36], [-1, -0.36], [-0.36, -0.36],
];

function turned(points, angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return points.map(([x, y]) => [x * cos - y * sin, x * sin + y * cos]);
}

const OUTLINES = {
  square: corners(4, 1.25, null, Math.PI / 4),
  diamond: corners(4, 1.3),
  "triangle-up": corners(3, 1.35),
  cross: CROSS.map(([x, y]) => [1.1 * x, 1.1 * y]),
  x: turned(CROSS, Math.PI / 4).map(([x, y]) => [1.1 * x, 1.1 * y]),
  "triangle-down": corners(3, 1.35, null, Math.PI),
  star: corners(10, 1.4, 0.6),
  pentagon: corners(5, 1.2),
  hexagram: corners(12, 1.35, 0.78),
};

// Traces a symbol on a 2D context; `radius` is that of the circle, the others have about its area.
export function trace(context, name, x, y, radius) {
  context.beginPath();
  if (name === "circle") {
    context.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  OUTLINES[name].forEach(([u, v], k) => context[k ? "lineTo" : "moveTo"](x + u * radius, y + v * radius));
  context.closePath();
}

// Width in pixels of the square that holds every symbol of a radius.
export const sizeOf = (radius) => 2 * Math.ceil(1.45 * radius) + 1;

// A canvas with all symbols in a row, white on nothing.
export function sheet(radius) {
  const side = sizeOf(radius);
  const canvas = Object.assign(document.createElement("canvas"), { width: side * SYMBOLS.length, height: side });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  SYMBOLS.forEach((name, k) => {
    trace(context, name, k * side + side / 2, side / 2, radius);
    context.fill();
  });
  return canvas;
}
