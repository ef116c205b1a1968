// Reports the width of the page if it is far from the one that Python uses.
const TOLERANCE = 90;

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const place = parentElement.host || parentElement;
  let reported = data.width;
  let timer = null;
  const watcher = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const width = Math.round(place.getBoundingClientRect().width / 20) * 20;
      if (width > 100 && Math.abs(width - reported) > TOLERANCE) {
        reported = width;
        setStateValue("width", width);
      }
    }, 120);
  });
  watcher.observe(place);
  return () => {
    clearTimeout(timer);
    watcher.disconnect();
  };
}
