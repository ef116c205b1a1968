// Counts presses of some keys anywhere on the page, and of the holder's buttons that stand for them, so that none is lost
// while an answer is on its way: a holder sends one press of a button, however often it was pressed. The next counts
// leave when the last were answered: a holder may send the values of all controls along, and those are old until then.
// Counting goes on for a while after the module is removed, which a holder may put back between two presses.
const GRACE = 3000;
const PATIENCE = 5000;
const SETTLED = 30;
const TYPED = "input:not([type='range'], [type='checkbox'], [type='radio']), textarea, select, [contenteditable='true']";
// What an arrow key moves by itself.
const MOVED = "input, [role='slider'], [role='radio'], [role='tab'], [role='option'], [role='combobox'], [role='grid']";
const kept = new Map();

class Counter {
  constructor(seen) {
    Object.assign(this, { counts: { ...seen }, sent: { ...seen }, seen, buttons: {}, holder: null });
    this.press = (event) => this.count(event);
    this.click = (event) => this.pressed(event);
    document.addEventListener("keydown", this.press);
    document.addEventListener("click", this.click, true);
  }

  count(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const letter = event.key.toLowerCase();
    const [from] = event.composedPath();
    if (!(letter in this.counts) || from.matches?.(TYPED) || (letter.startsWith("arrow") && from.matches?.(MOVED))) return;
    this.add(letter);
  }

  // Takes the click from the holder, which still has it where this module is not there.
  pressed(event) {
    const button = event.target.closest?.("button:not(:disabled)");
    const found = button && Object.entries(this.buttons).find(([, where]) => button.closest(where));
    if (!found) return;
    event.stopPropagation();
    this.add(found[0]);
  }

  add(letter) {
    this.counts[letter] += 1;
    this.send();
  }

  differs(one, other) {
    return Object.keys(this.counts).some((letter) => one[letter] !== other[letter]);
  }

  send() {
    const waiting = this.differs(this.sent, this.seen) && performance.now() - this.since < PATIENCE;
    if (!this.holder || waiting || !this.differs(this.counts, this.sent)) return;
    Object.assign(this, { sent: { ...this.counts }, since: performance.now() });
    this.holder.set("counts", this.sent);
    setTimeout(() => this.send(), PATIENCE + SETTLED);
  }

  answered(seen) {
    this.seen = seen;
    setTimeout(() => this.send(), SETTLED);
  }

  hold(holder, seen, buttons) {
    clearTimeout(this.timer);
    Object.assign(this, { holder, buttons });
    this.answered(seen);
  }

  release(holder, forget) {
    if (this.holder !== holder) return;
    this.holder = null;
    this.timer = setTimeout(() => {
      document.removeEventListener("keydown", this.press);
      document.removeEventListener("click", this.click, true);
      forget();
    }, GRACE);
  }
}

export function mount(root, data, holder) {
  const { counter, seen, buttons } = data;
  if (!kept.has(counter)) kept.set(counter, new Counter(seen));
  const one = kept.get(counter);
  one.hold(holder, seen, buttons);
  return { update: (given) => one.answered(given.seen), remove: () => one.release(holder, () => kept.delete(counter)) };
}
