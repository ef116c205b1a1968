// A pad to draw on, white on black; the picture is sent to Python whenever the pen is lifted.
const SIDE = 196;

function clear(context) {
  context.fillStyle = "#000";
  context.fillRect(0, 0, SIDE, SIDE);
}

export function mount(parent, data, holder) {
  const root = document.createElement("div");
  root.className = "pad";
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "pad to draw a digit on");
  const context = canvas.getContext("2d");
  clear(context);
  Object.assign(context, { strokeStyle: "#fff", lineWidth: data.pen, lineCap: "round", lineJoin: "round" });
  let down = false;
  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  };
  canvas.onpointerdown = (event) => {
    down = true;
    canvas.setPointerCapture(event.pointerId);
    context.beginPath();
    context.moveTo(...position(event));
    context.lineTo(...position(event));
    context.stroke();
  };
  canvas.onpointermove = (event) => {
    if (!down) return;
    context.lineTo(...position(event));
    context.stroke();
  };
  canvas.onpointerup = () => {
    down = false;
    holder.set("drawing", canvas.toDataURL("image/png"));
  };
  const clearButton = document.createElement("button");
  clearButton.type = "button";
  clearButton.textContent = "Clear";
  clearButton.onclick = () => {
    clear(context);
    holder.set("drawing", null);
  };
  root.append(canvas, clearButton);
  parent.append(root);
  return { update: () => {}, remove: () => root.remove() };
}
