// Elements of a page.
function make(kind, parent, className, words) {
  const item = document.createElement(kind);
  if (className) item.className = className;
  if (words !== undefined) item.textContent = words;
  parent.append(item);
  return item;
}

