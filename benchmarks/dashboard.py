"""Response times of the dashboard: the first text, and the answer to a control.

    python benchmarks/dashboard.py [FOLDER OF STUDIES [STUDY]]

Starts the dashboard on a folder of studies (by default studies/ and those that ship), at the study that is named or at
the one that it opens by itself, and drives it with headless Chromium (1400 x 1000). First text: from requesting the
address until the first frame with the page's heading, by the page's own clock, on a fresh server (`cold`) and in a
fresh session of a warm server that answers nobody else. A control: from the key press until the new state is visible;
the threshold's numbers and marks follow in the browser, its charts are redrawn when it is released (`redrawn`).
The AppTest lines time the same scripts without a browser. Goals: first text under 3 s, a control under 0.3 s, PGD-40
on one digit beside a busy process (`live_busy_s`) 0.2 s.
"""

import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[1] / "app" / "streamlit_app.py"
PAGES = ("", "shift", "trajectory", "neighbours", "detection", "robustness", "attack", "export", "data")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-unsafe-swiftshader"]
ROUNDS = 7
REDRAWN = "its charts, redrawn"
WITHIN = """(() => {
  const find = (element) => {
    const found = element.shadowRoot?.querySelector("%s");
    return found ? found.innerText : [...element.children].map(find).find(Boolean);
  };
  return find(document.body);
})()"""
"""Text of the first such element of a component."""
WATCH = """(code) => {
  const now = () => { try { return eval(code); } catch { return before; } };
  let before;
  before = now();
  window.answered = 0;
  const look = (pressed) => {
    if (now() !== before) window.answered = performance.now() - pressed;
    else requestAnimationFrame(() => look(pressed));
  };
  document.addEventListener("keydown", () => look(performance.now()), {capture: true, once: true});
}"""
"""Measures an answer by the page's own clock, from the key's arrival."""
HEADING = """{
  const look = () => {
    const heading = document.querySelector("[data-testid=stMain] h1");
    if (heading?.checkVisibility({opacityProperty: true, visibilityProperty: true}) && heading.getClientRects().length)
      requestAnimationFrame(() => { window.headingSeen = performance.now(); });
    else requestAnimationFrame(look);
  };
  look();
}"""
"""Notes when the heading has been painted: the driver's own polling waits for whatever the page loads after it."""


def main() -> None:
    """Measure and print."""
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPU cores, {platform.python_version()}")
    if len(sys.argv) > 1:
        os.environ["TLA_STUDIES"] = sys.argv[1]
    study = sys.argv[2] if len(sys.argv) > 2 else ""
    query = f"?study={study}" if study else ""
    reruns = without_browser(study)
    busy = live_attack_beside_a_busy_process(study)
    print(f"PGD-40 on one image, {busy[0]:.3f} s, beside a busy process {busy[1]:.3f} s  (median of {ROUNDS})")
    if shutil.which("chromium") is None:
        print("no Chromium: nothing was measured in a browser")
        return
    with chromium() as browser:
        with server() as address:
            cold = first_text(browser, f"{address}/{query}")
            print(f"first text, cold server        {cold:6.2f} s  (n = 1)")
        with server() as address:
            texts = {
                page: median(lambda page=page: first_text(browser, f"{address}/{page}{query}"), 3) for page in PAGES
            }
            for page, seconds in texts.items():
                print(f"first text, /{page:<17} {seconds:6.2f} s  (median of 3 fresh sessions, warm server)")
            controls = answers(browser, address, query)
    for name, seconds in controls.items():
        print(f"{name:<30} {seconds:6.3f} s  (median of {ROUNDS})")
    worst, redrawn = max(texts.values()), controls.pop(REDRAWN)
    print(
        f"cold={cold:.2f}s first_text={worst:.2f}s control={max(controls.values()):.3f}s rerun={max(reruns):.3f}s "
        f"redrawn={redrawn:.3f}s live_busy_s={busy[1]:.3f}"
    )


def median(measure: Callable[[], float], rounds: int = ROUNDS) -> float:
    """Median of several measurements."""
    return statistics.median(measure() for _ in range(rounds))


def without_browser(study: str) -> list[float]:
    """Seconds of a rerun of every page's script with nothing changed."""
    sys.path.insert(0, str(SCRIPT.parent))
    from streamlit.testing.v1 import AppTest

    seconds = []
    for page in PAGES:
        app = AppTest.from_file(SCRIPT, default_timeout=120)
        if study:
            app.query_params["study"] = study
        app.run()
        app.switch_page(f"pages_/{page or 'tour'}.py").run()
        if app.exception:
            raise RuntimeError(f"{page}: {app.exception[0].message}")

        def rerun(app: AppTest = app) -> float:
            started = time.perf_counter()
            app.run()
            return time.perf_counter() - started

        seconds.append(median(rerun))
        print(f"rerun of the script, {page or 'tour':<10} {seconds[-1]:6.3f} s  (AppTest, median of {ROUNDS})")
    return seconds


def live_attack_beside_a_busy_process(study: str) -> tuple[float, float]:
    """Seconds of the lab's default attack on one image by the first network that may run: alone, and disturbed."""
    from board import lab_models, live, shell, state
    from board.studies import open_study, studies

    found = studies()
    name = study or shell.default(found)
    view = open_study(name, found[name])
    seed, sample = view.seeds[0], state.first_focus(view)
    method = lab_models.runnable(view, seed)[0][0]
    image = view.arrays("images")["test"][view.positions[sample]].astype("float32") / 255

    def attack(number: int) -> float:
        settings = live.AttackSettings("pgd", (("pursuit", "all_steps"),), view.norm, view.eps, number, None)
        started = time.perf_counter()
        live.run_attack(view, method, seed, image, view.true_class(sample), settings)
        return time.perf_counter() - started

    attack(0)  # loads the network
    alone = statistics.median(attack(1 + number) for number in range(ROUNDS))
    neighbours = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range((os.cpu_count() or 2) // 2)
    ]
    try:
        return alone, statistics.median(attack(100 + number) for number in range(ROUNDS))
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def server() -> Iterator[str]:
    """Start a fresh dashboard, give its address, and stop it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(SCRIPT), "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def first_text(browser: Any, address: str) -> float:
    """Seconds until the heading of a page is visible, in a fresh session."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.add_init_script(HEADING)
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.headingSeen", timeout=120_000)
    seconds = page.evaluate("window.headingSeen") / 1000
    rest(page)
    context.close()
    return seconds


def answers(browser: Any, address: str, query: str) -> dict[str, float]:
    """Seconds from a key press to the new state on the page, for controls of several pages."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(120_000)
    found = {}
    for path in ("neighbours", "shift", "detection"):
        open_page(page, f"{address}/{path}{query}")
        found[f"next image (K), /{path}"] = median(lambda: press(page, "k", "document.querySelector('.focus img').src"))
    open_page(page, f"{address}/neighbours{query}")
    slider = page.get_by_role("slider", name="Neighbours k")
    found["slider k, /neighbours"] = median(lambda: press(page, "ArrowLeft", WITHIN % ".head", slider), 4)
    open_page(page, f"{address}/detection{query}")
    threshold = page.get_by_role("slider").last
    found["threshold, /detection"] = median(lambda: press(page, "PageUp", WITHIN % "tbody", threshold))
    redrawn = "document.querySelector('.st-key-score_histograms').textContent"
    found[REDRAWN] = median(lambda: press(page, "PageDown", redrawn, threshold))
    context.close()
    return found


def open_page(page: Any, address: str) -> None:
    """Open a page and wait until nothing on it changes any more."""
    page.goto(address)
    page.wait_for_selector(".js-plotly-plot .main-svg")
    rest(page)


def rest(page: Any) -> None:
    """Wait until the page's script has run and nothing on it changes any more."""
    page.wait_for_timeout(1500)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget], [data-stale=true]')")
    page.wait_for_timeout(500)


def press(page: Any, key: str, state: str, at: Any = None) -> float:
    """Seconds from a key press until the first frame in which `state` (JavaScript that gives a string) has changed."""
    if at is not None:
        at.focus()
    page.evaluate(WATCH, state)
    page.keyboard.press(key)
    page.wait_for_function("window.answered")
    seconds = page.evaluate("window.answered") / 1000
    page.wait_for_timeout(700)
    return seconds


if __name__ == "__main__":
    main()
