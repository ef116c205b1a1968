// Says how wide the page is, only where what was assumed is far off.
const TOLERANCE = 90;

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const place = parentElement.host || parentElement;
  let told = data.width;
  let timer = null;
  const watcher = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const width = Math.round(place.getBoundingClientRect().width / 20) * 20;
      if (width > 100 && Math.abs(width - told) > TOLERANCE) {
        told = width;
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
