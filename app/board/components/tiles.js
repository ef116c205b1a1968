// Image tiles: a button each; a press tells Python the id.
function picture(source, size, words) {
  const image = document.createElement("img");
  image.src = source;
  image.height = size;
  image.alt = words;
  return image;
}

function text(kind, words) {
  const line = document.createElement("span");
  line.className = kind;
  line.textContent = words;
  return line;
}

function build(tile, data, tell) {
  const box = document.createElement(data.pressable ? "button" : "div");
  box.className = ["tile", tile.tone || "", tile.id === data.focus ? "focus" : ""].join(" ");
  const words = [tile.title, tile.note, tile.tone === "good" ? "right" : tile.tone === "bad" ? "wrong" : ""];
  box.title = tile.tip || words.filter(Boolean).join(", ");
  if (data.pressable) {
    box.type = "button";
    box.setAttribute("aria-label", `image ${tile.id}: ${words.filter(Boolean).join(", ")}`);
    box.onclick = () => tell(tile.id);
  }
  const pair = document.createElement("div");
  pair.className = "pair";
  tile.pictures.forEach((source, place) => {
    if (place) pair.append(text("arrow", "→"));
    pair.append(picture(source, data.size, data.pressable ? "" : words.filter(Boolean).join(", ")));
  });
  box.append(pair);
  const title = text("title", tile.title || "");
  if (tile.tone) title.prepend(text("mark", tile.tone === "good" ? "✓ " : "✗ "));
  if (tile.title) box.append(title);
  if (tile.note) box.append(text("note", tile.note));
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
  root.replaceChildren(...(tiles.length ? tiles : [text("nothing", data.nothing)]));
}
