// Helpers that several components share. An element of a page:
export function make(kind, parent, className, text) {
  const item = document.createElement(kind);
  if (className) item.className = className;
  if (text !== undefined) item.textContent = text;
  parent.append(item);
  return item;
}

// A number with its noun: "1 image", "500 images".
export const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

// An element of a drawing:
export function draw(kind, parent, attributes = {}, text = "") {
  const item = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) item.setAttribute(name, value);
  item.textContent = text;
  parent.append(item);
  return item;
}

// A slider over the frames 0 to `last`, and a button that plays them, each for `pace` milliseconds. `show(at)` draws a
// frame and returns its label and the text that a screen reader speaks. Starts at the frame `first`, by default the
// last one; returns a function that stops playing.
export function scrubber(parent, name, last, pace, show, first = last) {
  const row = make("div", parent, "scrub");
  const play = make("button", row, "", "▶ Play");
  play.type = "button";
  const handle = make("input", row);
  Object.assign(handle, { type: "range", min: 0, max: last, step: 1 });
  handle.setAttribute("aria-label", name);
  const output = make("output", row);
  let timer = null;
  const go = (at) => {
    const { label, spoken } = show(at);
    handle.value = at;
    output.textContent = label;
    handle.setAttribute("aria-valuetext", spoken);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ Play";
  };
  handle.oninput = () => {
    stop();
    go(Number(handle.value));
  };
  play.onclick = () => {
    if (timer) return stop();
    let at = Number(handle.value) >= last ? -1 : Number(handle.value);
    play.textContent = "❚❚ Stop";
    timer = setInterval(() => {
      at += 1;
      go(at);
      if (at >= last) stop();
    }, pace);
  };
  go(first);
  return stop;
}

// A module that is built anew whenever its data change; `build(parent, data)` returns how to stop what it started.
export function rebuilt(build) {
  return (root, given) => {
    let data = given;
    let stop = build(root, data);
    const remove = () => {
      stop?.();
      root.replaceChildren();
    };
    const update = (more) => {
      remove();
      data = { ...data, ...more };
      stop = build(root, data);
    };
    return { update, remove };
  };
}
