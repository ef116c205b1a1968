"""How quick the explorer is, in a browser without a graphics card.

    python benchmarks/explorer.py [--plotly]

Saves explorers of two maps of 10,000 and of 60,000 made-up points as pages and opens them with headless Chromium
(1400 x 1000, emulated WebGL). Morph: the handle moves a little in every frame that the browser presents; the median
frame of 5 seconds counts, and only frames for which both maps were drawn with other positions. Paint: from the columns'
being there until both maps are drawn and presented. Lasso: from releasing the mouse round all points of 60,000 until
`explorer.selection` in a real JupyterLab has them. Bytes: of the columns, without pictures. `--plotly` measures the
morph with plotly's scattergl and with emulated WebGL too. Goals: paint under 1 s, morph at 50 and 25 frames a second,
lasso under 0.5 s, 24 bytes a point.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))
SECONDS = 5
FRAMES = """async ([seconds, renderer]) => {
  const maps = document.querySelector('.tla-maps').tlaMaps;
  const panels = [...maps.panels.values()];
  const stamps = [];
  let [morph, step] = [0, 0.004];
  const drawn = () => panels.map(({points}) => points.drawn);
  await new Promise((done) => {
    const begun = performance.now();
    let before = drawn();
    const frame = (now) => {
      const after = drawn();
      if (after.every((count, k) => count > before[k])) stamps.push(now);
      before = after;
      morph += step;
      if (morph > 1 || morph < 0) step = -step;
      maps.set('morph', Math.min(1, Math.max(0, morph)), false);
      if (now - begun < 1000 * seconds) requestAnimationFrame(frame); else done();
    };
    requestAnimationFrame(frame);
  });
  return [panels[0].points.renderer.kind, stamps];
}"""
PAINT = """async () => {
  const maps = document.querySelector('.tla-maps').tlaMaps;
  const holder = { set: () => {}, fire: () => {} };
  const place = document.createElement('div');
  document.body.append(place);
  const begun = performance.now();
  const fresh = new maps.constructor(place, maps.data, holder, maps.pictures);
  await new Promise((done) => {
    const ready = () => [...fresh.panels.values()].every(({points}) => points.drawn);
    const look = () => requestAnimationFrame(ready() ? done : look);
    requestAnimationFrame(look);
  });
  const seconds = (performance.now() - begun) / 1000;
  fresh.remove();
  place.remove();
  return seconds;
}"""
PLOTLY = """async (seconds) => {
  const plots = [...document.querySelectorAll('.js-plotly-plot')];
  const stamps = [];
  let [morph, step] = [0, 0.004];
  const begun = performance.now();
  while (performance.now() - begun < 1000 * seconds) {
    morph += step;
    if (morph > 1 || morph < 0) step = -step;
    await Promise.all(plots.map((plot) => {
      const {u0, u1, v0, v1} = window.columns;
      const mix = (a, b) => a.map((value, k) => value + morph * (b[k] - value));
      return Plotly.restyle(plot, {x: [mix(u0, u1)], y: [mix(v0, v1)]});
    }));
    stamps.push(await new Promise(requestAnimationFrame));
  }
  return stamps;
}"""


def points(n: int) -> dict[str, pd.DataFrame]:
    """Two methods' maps of n points in ten classes, and measures."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 10
    homes = rng.normal(size=(10, 2)) * 6
    maps, shift = [], []
    for method in ("at", "tla"):
        prediction = np.where(rng.random(n) < 0.4, (y + 1) % 10, y)
        for kind, centre in (("clean", y), ("adversarial", prediction)):
            u, v = (homes[centre] + rng.normal(size=(n, 2))).T
            predicted = y if kind == "clean" else prediction
            columns = {"kind": kind, "id": np.arange(n), "y": y, "prediction": predicted, "u": u, "v": v}
            maps.append(pd.DataFrame(columns).assign(method=method, seed=0, projection="umap"))
        names = ("angle", "relative_angle", "margin", "progress", "purity_own", "purity_false")
        measured = pd.DataFrame({name: rng.random(n) for name in names})
        shift.append(measured.assign(method=method, seed=0, attack="pgd", eps=0.1, id=np.arange(n)))
    return {"map": pd.concat(maps), "shift": pd.concat(shift)}


def frame_rate(stamps: list[float]) -> float:
    """Frames a second, from the median time between presented frames."""
    return 1000 / statistics.median(np.diff(stamps)) if len(stamps) > 2 else 0.0


def measure_page(browser: Any, folder: Path, n: int, renderer: str) -> tuple[float, float, float]:
    """Frames a second of the morph, seconds of the first paint, and bytes a point."""
    from tla.widgets.packing import pack
    from tla.widgets.page import save_page
    from tla.widgets.scene import MapScene
    from tla.widgets.sources import Frames

    data = MapScene.of(Frames(points(n))).plain()
    size = len(pack(data)) / (2 * n)
    file = save_page(folder / f"{n}-{renderer}.html", "maps", data | {"renderer": renderer}, f"{n} points")
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(file.as_uri())
    page.wait_for_timeout(1500)
    kind, stamps = page.evaluate(FRAMES, [SECONDS, renderer])
    paint = min(page.evaluate(PAINT) for _ in range(3))
    page.close()
    rate = frame_rate(stamps)
    print(f"{n:>7} points, {kind:<7} morph {rate:5.1f} frames/s (n = {len(stamps)}), first paint {paint:.3f} s")
    return rate, paint, size


def measure_lasso(browser: Any, folder: Path, n: int) -> float:
    """Seconds from the release of the mouse until Python has the ids; in JupyterLab."""
    from browser import lasso
    from jupyter import Lab, jupyter_lab, write_notebook

    cells = [
        f"import sys, time; sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\nimport tla\nfrom explorer import points\n"
        f"ex = tla.explore(points({n}))\nseen = []\n"
        "ex.observe(lambda change: seen.append(time.time()), 'selection')\nex",
        "print(len(ex.selection), seen[-1] if seen else 0)",
    ]
    write_notebook(folder / "lasso.ipynb", cells)
    with jupyter_lab(folder) as address:
        page = browser.new_page(viewport={"width": 1400, "height": 1100})
        lab = Lab(page, address, "lasso.ipynb")
        lab.run(0)
        page.wait_for_selector(".map canvas")
        page.wait_for_timeout(3000)
        found = []
        for _ in range(3):
            page.locator(".map").first.focus()
            page.keyboard.press("Escape")  # nothing is selected: a selection that stays as it is is not reported
            page.wait_for_timeout(1500)
            lasso(page, page.locator(".map").first, (0.005, 0.005, 0.99, 0.99))
            released = time.time()
            page.wait_for_timeout(2500)
            count, seen = lab.text(1).split()
            if float(seen) < released - 0.5 or int(count) != n:
                raise SystemExit(f"the lasso did not reach Python: {count} of {n} ids")
            print(f"{n:>7} points, lasso of {count}: {float(seen) - released:.3f} s until explorer.selection has them")
            found.append(float(seen) - released)
        page.close()
    return statistics.median(found)


def measure_plotly(browser: Any, folder: Path, n: int) -> None:
    """The same morph with plotly's scattergl."""
    from plotly.offline import get_plotlyjs

    table = points(n)["map"]
    clean, moved = (table[(table["method"] == "at") & (table["kind"] == kind)] for kind in ("clean", "adversarial"))
    columns = {"u0": clean["u"], "v0": clean["v"], "u1": moved["u"], "v1": moved["v"]}
    text = json.dumps({name: np.round(values, 4).tolist() for name, values in columns.items()})
    file = folder / f"plotly-{n}.html"
    file.write_text(
        f"<script>{get_plotlyjs()}</script><div id=a></div><div id=b></div><script>window.columns = {text};"
        "for (const id of ['a', 'b']) Plotly.newPlot(id, [{type: 'scattergl', mode: 'markers', x: columns.u0,"
        " y: columns.v0, marker: {size: 4}}], {width: 640, height: 550})</script>"
    )
    page = browser.new_page(viewport={"width": 1400, "height": 1200})
    page.goto(file.as_uri())
    page.wait_for_timeout(4000)
    stamps = page.evaluate(PLOTLY, SECONDS)
    print(f"{n:>7} points, plotly  morph {frame_rate(stamps):5.1f} frames/s (n = {len(stamps)})")
    page.close()


def main() -> None:
    """Measure and print."""
    from browser import chromium

    parser = argparse.ArgumentParser(description="How quick the explorer is.")
    parser.add_argument("--plotly", action="store_true", help="measure plotly and emulated WebGL too")
    compare = parser.parse_args().plotly
    load = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPU cores, load {load:.1f} at the start")
    with tempfile.TemporaryDirectory(prefix="tla-bench-") as name, chromium() as browser:
        folder = Path(name)
        rates, paint, size = {}, 0.0, 0.0
        for n in (10_000, 60_000):
            rates[n], paint, size = measure_page(browser, folder, n, "auto")
            if compare:
                measure_page(browser, folder, n, "webgl")
                measure_plotly(browser, folder, n)
        lasso = measure_lasso(browser, folder, 60_000)
    print(
        f"paint_s={paint:.3f} morph_fps_10k={rates[10_000]:.1f} morph_fps_60k={rates[60_000]:.1f} lasso_s={lasso:.3f} "
        f"bytes_per_point={size:.1f}"
    )


if __name__ == "__main__":
    main()
