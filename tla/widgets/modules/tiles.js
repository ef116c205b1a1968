// Image tiles: a button each; a press sends its id to Python.
function picture(source, size, text) {
  const image = document.createElement("img");
  image.src = source;
  image.height = size;
  image.alt = text;
  return image;
}

function span(kind, text) {
  const line = document.createElement("span");
  line.className = kind;
  line.textContent = text;
  return line;
}

// A tile with pictures that `fill(pair)` adds, and up to two lines below them; with `press` it is a button.
export function tileElement({ id, title, note, tone, focus, tip }, fill, press = null) {
  const box = document.createElement(press ? "button" : "div");
  box.className = ["tile", tone || "", focus ? "focus" : ""].join(" ");
  const lines = [title, note, tone === "good" ? "right" : tone === "bad" ? "wrong" : ""].filter(Boolean).join(", ");
  box.title = tip || lines;
  if (press) {
    box.type = "button";
    box.setAttribute("aria-label", `image ${id}: ${lines}`);
    box.onclick = () => press(id);
  }
  const pair = document.createElement("div");
  pair.className = "pair";
  fill(pair, lines);
  box.append(pair);
  if (title) {
    const line = span("title", title);
    if (tone) line.prepend(span("mark", tone === "good" ? "✓ " : "✗ "));
    box.append(line);
  }
  if (note) box.append(span("note", note));
  return box;
}

// A tile of pictures side by side, with signs between them; `tile.focus` and `press` as above.
export function pictureTile(tile, size, press = null) {
  const fill = (pair, lines) =>
    tile.pictures.forEach((source, place) => {
      if (place) pair.append(span("arrow", tile.signs?.[place - 1] ?? "→"));
      pair.append(picture(source, size, press ? "" : lines));
    });
  return tileElement(tile, fill, press);
}

export function mount(parent, given, holder) {
  const root = document.createElement("div");
  root.className = "tiles";
  root.setAttribute("role", "group");
  parent.append(root);
  const update = (data) => {
    root.setAttribute("aria-label", data.label);
    const press = data.pressable ? (id) => holder.fire("pressed", id) : null;
    const tiles = data.tiles.map((tile) => pictureTile({ ...tile, focus: tile.id === data.focus }, data.size, press));
    root.replaceChildren(...(tiles.length ? tiles : [span("nothing", data.nothing)]));
  };
  update(given);
  return { update, remove: () => root.remove() };
}
