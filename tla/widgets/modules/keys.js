// Counts presses of some keys anywhere on the page, so that none is lost while an answer is on its way.
export function mount(root, data, holder) {
  const counts = { ...data.seen };
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const letter = event.key.toLowerCase();
    const [from] = event.composedPath();
    if (!(letter in counts) || from.matches?.("input, textarea, select, [contenteditable='true']")) return;
    counts[letter] += 1;
    holder.set("counts", { ...counts });
  };
  document.addEventListener("keydown", press);
  return { update: () => {}, remove: () => document.removeEventListener("keydown", press) };
}
