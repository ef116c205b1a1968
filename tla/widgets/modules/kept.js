// Columns that a page holds once: what they belong to is sent again with every change, they are not.
const EVENT = "tla-kept";
const shelf = () => (globalThis.tlaKept ??= new Map());

export function mount(root, data) {
  const put = (given) => {
    shelf().set(given.version, given);
    document.dispatchEvent(new CustomEvent(EVENT, { detail: given.version }));
  };
  put(data);
  return { update: put, remove: () => shelf().delete(data.version) };
}

// Calls `use` with the columns of a version once they are there; returns how to stop waiting.
export function whenKept(version, use) {
  if (shelf().has(version)) {
    use(shelf().get(version));
    return () => {};
  }
  const listen = (event) => {
    if (event.detail !== version) return;
    document.removeEventListener(EVENT, listen);
    use(shelf().get(version));
  };
  document.addEventListener(EVENT, listen);
  return () => document.removeEventListener(EVENT, listen);
}
