// Draws points and arrows with WebGL 2: geometry is sent once, a frame changes a few uniforms.
import { SYMBOLS, sheet, sizeOf } from "./symbols.js";

const RADIUS = 16;
const COLOURS = 16;
const NOWHERE = "gl_Position = vec4(2.0, 2.0, 2.0, 1.0);";

const POINTS = [
  `#version 300 es
  in vec2 start; in vec2 end; in float colour; in float symbol; in float level;
  uniform float morph; uniform float size; uniform float pass; uniform vec4 view; uniform vec3 palette[${COLOURS}];
  out vec3 ink; flat out float which;
  void main() {
    gl_PointSize = size;
    if (abs(level - pass) > 0.5) { ${NOWHERE} return; }
    gl_Position = vec4(mix(start, end, morph) * view.xy + view.zw, 0.0, 1.0);
    ink = palette[int(colour)];
    which = symbol;
  }`,
  `#version 300 es
  precision mediump float;
  in vec3 ink; flat in float which; uniform sampler2D symbols; uniform float alpha; out vec4 shown;
  void main() {
    float part = alpha * texture(symbols, vec2((which + gl_PointCoord.x) / ${SYMBOLS.length}.0, gl_PointCoord.y)).a;
    shown = vec4(ink * part, part);
  }`,
];

// Six vertices for each arrow: its line, then the two sides of its head, whose size is in pixels.
const ARROWS = [
  `#version 300 es
  in vec2 start; in vec2 end; in float flag;
  uniform vec4 view; uniform vec2 pixel; uniform float head; uniform vec3 inks[2];
  out vec3 ink;
  void main() {
    if (flag < 0.5) { ${NOWHERE} return; }
    vec2 tail = (start * view.xy + view.zw) / pixel, tip = (end * view.xy + view.zw) / pixel;
    vec2 way = tip - tail;
    float span = length(way);
    if (span < 1.0) { ${NOWHERE} return; }
    way *= min(head, 0.6 * span) / span;
    vec2 side = vec2(-way.y, way.x) * 0.42;
    vec2 place = gl_VertexID == 0 ? tail : gl_VertexID == 3 ? tip - way + side : gl_VertexID == 5 ? tip - way - side : tip;
    gl_Position = vec4(place * pixel, 0.0, 1.0);
    ink = inks[flag > 1.5 ? 1 : 0];
  }`,
  `#version 300 es
  precision mediump float;
  in vec3 ink; out vec4 shown;
  void main() { shown = vec4(ink * 0.6, 0.6); }`,
];

function program(gl, [vertex, fragment]) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  const places = new Map();
  const uniform = (name) => {
    if (!places.has(name)) places.set(name, gl.getUniformLocation(made, name));
    return places.get(name);
  };
  return { made, uniform, attribute: (name) => gl.getAttribLocation(made, name) };
}

// Binds columns to the attributes of a program: [name, buffer, numbers per point, normalised 16 bits or plain bytes].
function layout(gl, { attribute }, columns, divisor) {
  const made = gl.createVertexArray();
  gl.bindVertexArray(made);
  for (const [name, buffer, size, wide] of columns) {
    const place = attribute(name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE, wide, 0, 0);
    gl.vertexAttribDivisor(place, divisor);
  }
  gl.bindVertexArray(null);
  return made;
}

function symbolTexture(gl) {
  const picture = sheet(RADIUS);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
}

const unit = (colour) => colour.map((value) => value / 255);

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
let hardware = null;

// Whether there is hardware for WebGL 2: browsers emulate it without saying so.
export function hasHardware() {
  if (hardware !== null) return hardware;
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  const names = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl ? String(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER)) : "software";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  hardware = !SOFTWARE.test(name);
  return hardware;
}

// A renderer; null without WebGL 2, and without hardware for it unless `slow` is allowed.
export function webgl(canvas, slow = false) {
  if (!slow && !hasHardware()) return null;
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: true, preserveDrawingBuffer: true });
  if (!gl) return null;
  const [points, arrows] = [program(gl, POINTS), program(gl, ARROWS)];
  const names = ["start", "end", "colour", "symbol", "level", "flag"];
  const buffers = Object.fromEntries(names.map((name) => [name, gl.createBuffer()]));
  const { start, end, colour, symbol, level, flag } = buffers;
  const styled = [["colour", colour, 1], ["symbol", symbol, 1], ["level", level, 1]];
  const ends = [["start", start, 2, true], ["end", end, 2, true]];
  const pointLayout = layout(gl, points, [...ends, ...styled], 0);
  const arrowLayout = layout(gl, arrows, [...ends, ["flag", flag, 1]], 1);
  symbolTexture(gl);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  let n = 0;
  let flags = null;
  const upload = (buffer, values) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
  };

  function drawPoints(pass, alpha, { clip, morph, radius, palette }) {
    gl.useProgram(points.made);
    gl.bindVertexArray(pointLayout);
    gl.uniform1f(points.uniform("morph"), morph);
    gl.uniform1f(points.uniform("size"), (sizeOf(RADIUS) * radius) / RADIUS);
    gl.uniform1f(points.uniform("pass"), pass);
    gl.uniform1f(points.uniform("alpha"), alpha);
    gl.uniform4fv(points.uniform("view"), clip);
    gl.uniform3fv(points.uniform("palette"), palette.flatMap(unit));
    gl.drawArrays(gl.POINTS, 0, n);
  }

  function drawArrows({ clip, ratio, ink, soft }) {
    gl.useProgram(arrows.made);
    gl.bindVertexArray(arrowLayout);
    gl.uniform4fv(arrows.uniform("view"), clip);
    gl.uniform2f(arrows.uniform("pixel"), 2 / canvas.width, 2 / canvas.height);
    gl.uniform1f(arrows.uniform("head"), 6 * ratio);
    gl.uniform3fv(arrows.uniform("inks"), [...unit(soft), ...unit(ink)]);
    gl.drawArraysInstanced(gl.LINES, 0, 6, n);
  }

  return {
    kind: "webgl",
    setGeometry(given) {
      n = given.n;
      upload(start, given.start);
      upload(end, given.end);
    },
    setStyle(given) {
      upload(colour, given.colour);
      upload(symbol, given.symbol);
      upload(level, given.level);
    },
    setArrows(given) {
      flags = given;
      if (given) upload(flag, given);
    },
    draw(frame) {
      const { ax, bx, ay, by } = frame.view;
      const [sx, sy] = [2 / canvas.width, 2 / canvas.height];
      const clip = [ax * 65535 * sx, -ay * 65535 * sy, bx * sx - 1, 1 - by * sy];
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(...unit(frame.paper), 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      drawPoints(1, frame.dim, { ...frame, clip });
      if (flags) drawArrows({ ...frame, clip });
      drawPoints(2, 1, { ...frame, clip });
      gl.bindVertexArray(null);
    },
    remove: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
  };
}
