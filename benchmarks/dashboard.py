"""How quick, small and readable the dashboard is.

    python benchmarks/dashboard.py [FOLDER OF STUDIES [STUDY]] [--large FOLDER] [--sessions N]

Without a folder it measures two studies: the digits that ship (500 images) and one of 5,000 images, which is made in
some minutes by `large_study.py` and kept in the folder that `--large` names. It starts the dashboard and drives it with
headless Chromium (1400 x 1000). First text: from requesting the address until the first frame with the page's heading,
by the page's own clock, on a fresh server (`cold`) and in a fresh session of a warm server that answers nobody else;
the worst page is `page_s`. Complete: until that page's script has ended and every figure is drawn, in a browser that
has none of the scripts yet and reads them all first (`complete_s`, on the line before). A control: from
what the user does until the new state is visible, worst of all, `control_s`; the threshold's numbers and marks follow
in the browser, its charts are redrawn when it is released. `rss_gb`: resident memory of the server with torch loaded,
after every page was shown and the lab has attacked. `live_busy_s`: PGD-40 on one digit beside a busy process.
`contrast`: the least of all texts of all pages in both themes. The AppTest lines time the same scripts without a
browser. Goals: a control under 0.3 s, a page under 3 s, 1.2 GB, 0.2 s, contrast at least 4.5.
"""

import argparse
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dashboard_controls import ROUNDS, answers, open_page, rest
from large_study import NAME, large_study
from rendered import contrasts, whole

SCRIPT = Path(__file__).parents[1] / "app" / "streamlit_app.py"
PAGES = tuple("" if file.stem == "tour" else file.stem for file in sorted((SCRIPT.parent / "pages_").glob("*.py")))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-unsafe-swiftshader"]
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
DRAWN = """{
  const known = () => {
    const probe = document.querySelector("[class*=page_width_probe]");
    return [...(probe?.querySelectorAll("*") ?? [])].some((one) =>
      Number((one.shadowRoot ?? one).querySelector("[data-known]")?.dataset.known));
  };
  const busy = "[data-stale=true], [data-testid=stSkeleton], [data-test-script-state=running]";
  const look = () => {
    if (known() && !document.querySelector(busy)) requestAnimationFrame(() => { window.drawn = performance.now(); });
    else requestAnimationFrame(look);
  };
  look();
}"""
"""Notes when a page's script has ended, at the width that the page has, and nothing is stale."""


class Seen(NamedTuple):
    """When a fresh session saw a page: seconds until its heading, and until all of it."""

    text: float
    drawn: float


class Measured(NamedTuple):
    """What one study gives.

    Attributes:
        cold: Seconds until the first text on a fresh server.
        texts: Seconds until the first text, by page.
        pages: Seconds until the first render is complete, by page.
        controls: Seconds of an answer, by control.
        gigabytes: Resident memory of the server in the end.
        contrast: The least.
        busy: Seconds of a live attack beside a busy process.
    """

    cold: float
    texts: dict[str, float]
    pages: dict[str, float]
    controls: dict[str, float]
    gigabytes: float
    contrast: float
    busy: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", help="of studies")
    parser.add_argument("study", nargs="?", default="", help="its name; by default the one that opens by itself")
    parser.add_argument(
        "--large", type=Path, default=Path(tempfile.gettempdir()) / "tla-large", help="where it is kept"
    )
    parser.add_argument("--sessions", type=int, default=3, help="fresh sessions of each page; their median counts")
    words = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPU cores, {platform.python_version()}")
    if shutil.which("chromium") is None:
        print("no Chromium: nothing can be measured in a browser")
        return
    studies = [(words.folder, words.study)]
    if words.folder is None:
        large_study(words.large)
        studies = [(str(words.large), "digits"), (str(words.large), NAME)]
    found = [measured(folder, study, words.sessions) for folder, study in studies]
    print(f"complete_s={max(max(one.pages.values()) for one in found):.2f}")
    print(
        f"control_s={max(max(one.controls.values()) for one in found):.3f} "
        f"page_s={max(max(one.texts.values()) for one in found):.2f} "
        f"rss_gb={max(one.gigabytes for one in found):.2f} live_busy_s={max(one.busy for one in found):.3f} "
        f"contrast={min(one.contrast for one in found):.2f}"
    )


def measured(folder: str, study: str, sessions: int = 3) -> Measured:
    """Measure the dashboard at one study, and print everything."""
    os.environ["TLA_STUDIES"] = folder
    query = f"?study={study}" if study else ""
    print(f"-- {folder} {study}")
    without_browser(study)
    alone, busy = live_attack_beside_a_busy_process(study)
    print(f"PGD-40 on one image, {alone:.3f} s, beside a busy process {busy:.3f} s  (median of {ROUNDS})")
    with chromium() as browser:
        with server() as (address, _):
            cold = first_text(browser, f"{address}/{query}").text
            print(f"first text, cold server        {cold:6.2f} s  (n = 1)")
        with server() as (address, process):
            seen = {page: first_render(browser, address, page, query, sessions) for page in PAGES}
            controls = answers(browser, address, query)
            gigabytes = after_an_attack(browser, f"{address}/attack{query}", process)
            contrast = least_contrast(browser, address, query)
    for name, seconds in controls.items():
        print(f"{name:<32} {seconds:6.3f} s")
    print(f"server {gigabytes:.2f} GB, least contrast {contrast:.2f}")
    texts, pages = ({page: one[k] for page, one in seen.items()} for k in range(2))
    return Measured(cold, texts, pages, controls, gigabytes, contrast, busy)


def first_render(browser: Any, address: str, page: str, query: str, sessions: int) -> Seen:
    """Medians of some fresh sessions of a warm server."""
    each = [first_text(browser, f"{address}/{page}{query}") for _ in range(sessions)]
    seen = Seen(*(statistics.median(one[k] for one in each) for k in range(2)))
    said = f"median of {sessions} fresh sessions"
    print(f"/{page:<12} text {seen.text:6.2f} s, complete {seen.drawn:6.2f} s  ({said})", flush=True)
    return seen


def after_an_attack(browser: Any, address: str, process: int) -> float:
    """Resident memory of the server, GB, once the lab has attacked."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    open_page(page, address)
    page.wait_for_selector(".film img", timeout=120_000)
    rest(page)
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    context.close()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) * 1024 / 1e9


def least_contrast(browser: Any, address: str, query: str) -> float:
    """The least contrast of a text on any page in either theme."""
    found = []
    for scheme in ("light", "dark"):
        for path in PAGES:
            context = browser.new_context(viewport={"width": 1400, "height": 1000}, color_scheme=scheme)
            page = context.new_page()
            open_page(page, f"{address}/{path}{query}")
            whole(page)
            rest(page)
            found.append((contrasts(page)[0], path, scheme))
            context.close()
    least, path, scheme = min(found)
    print(f"least contrast: {least.ratio:.2f}, “{least.text}” on /{path}, {scheme}")
    return least.ratio


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
def server() -> Iterator[tuple[str, int]]:
    """Start a fresh dashboard, give its address and its process, and stop it at the end."""
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
        yield address, process.pid
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def first_text(browser: Any, address: str) -> Seen:
    """Open a page in a fresh session."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.add_init_script(HEADING + DRAWN)
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.headingSeen && window.drawn", timeout=120_000)
    seen = Seen(page.evaluate("window.headingSeen") / 1000, page.evaluate("window.drawn") / 1000)
    rest(page)
    context.close()
    return seen


if __name__ == "__main__":
    main()
