// Reports the width of the page if it is far from the one that Python uses.
const TOLERANCE = 90;

export function mount(place, data, holder) {
  let reported = data.width;
  let timer = null;
  const watcher = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const width = Math.round(place.getBoundingClientRect().width / 20) * 20;
      if (width > 100 && Math.abs(width - reported) > TOLERANCE) {
        reported = width;
        holder.set("width", width);
      }
    }, 120);
  });
  watcher.observe(place);
  const remove = () => {
    clearTimeout(timer);
    watcher.disconnect();
  };
  return { update: () => {}, remove };
}
