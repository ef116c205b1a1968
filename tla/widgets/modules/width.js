// Reports the width of the page: at once if Python knows none, later if it is far from the one that Python uses.
// Meanwhile it loads the scripts that will be needed once Python has answered.
const TOLERANCE = 90;
const REST = 120;

export function mount(place, data, holder) {
  for (const script of data.early ?? []) import(new URL(script, document.baseURI).href).catch(() => {});
  let reported = data.width;
  const known = (width) => place.setAttribute("data-known", width);
  known(reported);
  let timer = null;
  const report = () => {
    const width = Math.round(place.getBoundingClientRect().width / 20) * 20;
    if (width > 100 && Math.abs(width - reported) > TOLERANCE) {
      reported = width;
      holder.set("width", width);
    }
  };
  const watcher = new ResizeObserver(() => {
    clearTimeout(timer);
    if (reported) timer = setTimeout(report, REST);
    else report();
  });
  watcher.observe(place);
  const remove = () => {
    clearTimeout(timer);
    watcher.disconnect();
  };
  return { update: (given) => known(given.width), remove };
}
