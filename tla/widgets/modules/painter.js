// Draws points and arrows into the pixels of a canvas. Without hardware for WebGL this is several times as fast as a
// browser's emulation of it.
import { SYMBOLS, sheet, sizeOf } from "./symbols.js";

const ARROW = { head: 6, open: 0.42, alpha: 150 };

const word = ([red, green, blue]) => (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
const mixed = (one, other, share) => one.map((value, k) => Math.round(value + (other[k] - value) * share));

// The pixels of each symbol, relative to its centre: those it covers, and those it covers in part.
function stamps(radius, stride) {
  const side = sizeOf(radius);
  const middle = (side - 1) / 2;
  const row = sheet(radius);
  const { data } = row.getContext("2d").getImageData(0, 0, row.width, side);
  return SYMBOLS.map((_, place) => {
    const [solid, edge, share] = [[], [], []];
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const alpha = data[4 * (y * row.width + place * side + x) + 3];
        const at = (y - middle) * stride + x - middle;
        if (alpha > 235) solid.push(at);
        else if (alpha > 12) [edge, share].forEach((list, k) => list.push(k ? alpha : at));
      }
    }
    return { solid: Int32Array.from(solid), edge: Int32Array.from(edge), share: Int32Array.from(share) };
  });
}

export function painter(canvas) {
  const context = canvas.getContext("2d", { alpha: false });
  let buffer = null;
  let stamped = null;
  let [geometry, style, arrows] = [null, null, null];

  function blend(pixels, at, colour, alpha) {
    const below = pixels[at];
    const rest = 256 - alpha;
    const outer = (((below & 0xff00ff) * rest + (colour & 0xff00ff) * alpha) / 256) & 0xff00ff;
    const inner = (((below & 0xff00) * rest + (colour & 0xff00) * alpha) / 256) & 0xff00;
    pixels[at] = 0xff000000 | outer | inner;
  }

  function prepare(width, height, radius) {
    const pad = Math.ceil(1.45 * radius) + 2;
    const key = `${width} ${height} ${radius}`;
    if (buffer?.key === key) return buffer;
    const image = new ImageData(width + 2 * pad, height + 2 * pad);
    buffer = { key, pad, image, stride: width + 2 * pad, rows: height + 2 * pad };
    buffer.pixels = new Uint32Array(image.data.buffer);
    stamped = stamps(radius, buffer.stride);
    return buffer;
  }

  function line(x0, y0, x1, y1, colour) {
    const { pixels, stride, rows } = buffer;
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0));
    if (!(steps > 0)) return;
    const [dx, dy] = [(x1 - x0) / steps, (y1 - y0) / steps];
    let [first, last] = [0, Math.floor(steps)];
    for (const [from, by, end] of [[x0, dx, stride - 1], [y0, dy, rows - 1]]) {
      if (by === 0) {
        if (from < 0 || from > end) return;
        continue;
      }
      const [enter, leave] = by > 0 ? [-from / by, (end - from) / by] : [(end - from) / by, -from / by];
      first = Math.max(first, Math.ceil(enter));
      last = Math.min(last, Math.floor(leave));
    }
    for (let k = first; k <= last; k += 1) {
      blend(pixels, Math.round(y0 + k * dy) * stride + Math.round(x0 + k * dx), colour, ARROW.alpha);
    }
  }

  function drawArrows({ view, ratio, ink, soft }, pad) {
    const { start, end } = geometry;
    const [right, wrong] = [word(soft), word(ink)];
    const head = ARROW.head * ratio;
    for (let k = 0; k < arrows.length; k += 1) {
      if (!arrows[k]) continue;
      const colour = arrows[k] === 2 ? wrong : right;
      const x0 = view.ax * start[2 * k] + view.bx + pad;
      const y0 = view.ay * start[2 * k + 1] + view.by + pad;
      const x1 = view.ax * end[2 * k] + view.bx + pad;
      const y1 = view.ay * end[2 * k + 1] + view.by + pad;
      const length = Math.hypot(x1 - x0, y1 - y0);
      if (length < 1) continue;
      line(x0, y0, x1, y1, colour);
      const reach = Math.min(head, 0.6 * length) / length;
      const [ux, uy] = [(x1 - x0) * reach, (y1 - y0) * reach];
      line(x1, y1, x1 - ux - ARROW.open * uy, y1 - uy + ARROW.open * ux, colour);
      line(x1, y1, x1 - ux + ARROW.open * uy, y1 - uy - ARROW.open * ux, colour);
    }
  }

  // Points of one level; level 1 are those that a selection dims.
  function drawPoints(level, { view, morph, palette, paper, dim }, pad) {
    const { start, end, n } = geometry;
    const { colour, symbol, level: levels } = style;
    const { pixels, stride, rows } = buffer;
    const words = palette.map((one) => word(level === 1 ? mixed(paper, one, dim) : one));
    const rest = 1 - morph;
    const { ax, ay } = view;
    const [bx, by] = [view.bx + pad + 0.5, view.by + pad + 0.5];
    const [right, bottom] = [stride - pad, rows - pad];
    for (let k = 0; k < n; k += 1) {
      if (levels[k] !== level) continue;
      const x = (ax * (rest * start[2 * k] + morph * end[2 * k]) + bx) | 0;
      const y = (ay * (rest * start[2 * k + 1] + morph * end[2 * k + 1]) + by) | 0;
      if (x < pad || y < pad || x >= right || y >= bottom) continue;
      const { solid, edge, share } = stamped[symbol[k]];
      const ink = words[colour[k]];
      const at = y * stride + x;
      for (let j = 0; j < solid.length; j += 1) pixels[at + solid[j]] = ink;
      for (let j = 0; j < edge.length; j += 1) blend(pixels, at + edge[j], ink, share[j]);
    }
  }

  return {
    kind: "canvas",
    setGeometry: (given) => (geometry = given),
    setStyle: (given) => (style = given),
    setArrows: (given) => (arrows = given),
    draw(frame) {
      const { pad, pixels, image } = prepare(canvas.width, canvas.height, frame.radius);
      pixels.fill(word(frame.paper));
      drawPoints(1, frame, pad);
      if (arrows) drawArrows(frame, pad);
      drawPoints(2, frame, pad);
      context.putImageData(image, -pad, -pad);
    },
    remove: () => {},
  };
}
