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

function build(tile, data, press) {
  const box = document.createElement(data.pressable ? "button" : "div");
  box.className = ["tile", tile.tone || "", tile.id === data.focus ? "focus" : ""].join(" ");
  const lines = [tile.title, tile.note, tile.tone === "good" ? "right" : tile.tone === "bad" ? "wrong" : ""];
  box.title = tile.tip || lines.filter(Boolean).join(", ");
  if (data.pressable) {
    box.type = "button";
    box.setAttribute("aria-label", `image ${tile.id}: ${lines.filter(Boolean).join(", ")}`);
    box.onclick = () => press(tile.id);
  }
  const pair = document.createElement("div");
  pair.className = "pair";
  tile.pictures.forEach((source, place) => {
    if (place) pair.append(span("arrow", "→"));
    pair.append(picture(source, data.size, data.pressable ? "" : lines.filter(Boolean).join(", ")));
  });
  box.append(pair);
  const title = span("title", tile.title || "");
  if (tile.tone) title.prepend(span("mark", tile.tone === "good" ? "✓ " : "✗ "));
  if (tile.title) box.append(title);
  if (tile.note) box.append(span("note", tile.note));
  return box;
}

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let root = parentElement.querySelector(".tiles");
  if (!root) {
    root = document.createElement("div");
    root.className = "tiles";
    root.setAttribute("role", "group");
    parentElement.append(root);
  }
  root.style.setProperty("--good", data.good);
  root.style.setProperty("--bad", data.bad);
  root.setAttribute("aria-label", data.label);
  const tiles = data.tiles.map((tile) => build(tile, data, (id) => setTriggerValue("pressed", id)));
  root.replaceChildren(...(tiles.length ? tiles : [span("nothing", data.nothing)]));
}
