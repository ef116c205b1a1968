// Elements of a page, and what several of them do.
function make(kind, parent, className, words) {
  const item = document.createElement(kind);
  if (className) item.className = className;
  if (words !== undefined) item.textContent = words;
  parent.append(item);
  return item;
}

// Elements of a drawing.
function draw(kind, parent, attributes = {}, words = "") {
  const item = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) item.setAttribute(name, value);
  item.textContent = words;
  parent.append(item);
  return item;
}

// A handle over the frames of a film, from 0 to `last`, and a button that plays them, each for `pace` milliseconds.
// `show(at)` draws a frame and gives the words for it: those beside the handle, and those for a screen reader. It stands
// at the last frame; what is returned stops the film.
function scrubber(parent, name, last, pace, show) {
  const row = make("div", parent, "scrub");
  const play = make("button", row, "", "▶ Play");
  play.type = "button";
  const handle = make("input", row);
  Object.assign(handle, { type: "range", min: 0, max: last, step: 1 });
  handle.setAttribute("aria-label", name);
  const output = make("output", row);
  let timer = null;
  const turn = (at) => {
    const { words, told } = show(at);
    handle.value = at;
    output.textContent = words;
    handle.setAttribute("aria-valuetext", told);
  };
  const halt = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ Play";
  };
  handle.oninput = () => {
    halt();
    turn(Number(handle.value));
  };
  play.onclick = () => {
    if (timer) return halt();
    let at = Number(handle.value) >= last ? -1 : Number(handle.value);
    play.textContent = "❚❚ Stop";
    timer = setInterval(() => {
      at += 1;
      turn(at);
      if (at >= last) halt();
    }, pace);
  };
  turn(last);
  return halt;
}
