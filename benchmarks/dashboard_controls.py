"""Every control of the dashboard that redraws something, and how long it takes until one sees the answer."""

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

from rendered import quiet

ROUNDS = 7
WATCH = """([codes, event]) => {
  const find = (root, selector) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.matches(selector)) return one;
      const inner = one.shadowRoot && find(one.shadowRoot, selector);
      if (inner) return inner;
    }
    return null;
  };
  window.tlaFind = (selector) => find(document, selector);
  const now = () => codes.map((code) => { try { return String(eval(code)); } catch { return "none"; } });
  const before = now();
  window.answered = 0;
  const look = (pressed) => {
    if (now().every((value, k) => value !== before[k])) window.answered = performance.now() - pressed;
    else requestAnimationFrame(() => look(pressed));
  };
  document.addEventListener(event, () => look(performance.now()), {capture: true, once: true});
}"""
"""Measures an answer by the page's own clock, from what the user did until all of some states have changed."""
FOCUS = "document.querySelector('.focus img').src"
MAIN = "document.querySelector('[data-testid=stMain]').innerText.match(/image \\d+/i)[0]"
LEGEND = "tlaFind('.tla-maps .legend').innerText"
NEXT = {
    "": [],
    "shift": [MAIN],
    "trajectory": [],
    "neighbours": ["tlaFind('.neighbours img').src"],
    "detection": [],
    "robustness": [],
    "compare": [],
    "attack": [],
}
"""The pages that show the image in focus, and what else changes on them with another one."""


class Act(NamedTuple):
    """One use of a control.

    Attributes:
        do: What the user does.
        states: JavaScript; each must give something else afterwards.
        event: What the clock starts with.
    """

    do: Callable[[], None]
    states: list[str]
    event: str = "keydown"


def answers(browser: Any, address: str, query: str) -> dict[str, float]:
    """Median seconds until the answer of each control."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(120_000)
    found: dict[str, float] = {}
    for path, states in NEXT.items():
        open_page(page, f"{address}/{path}{query}")
        found[f"next image (K), /{path}"] = median(page, Act(lambda: page.keyboard.press("k"), [FOCUS, *states]))
    for measure in (shift, neighbours, detection):
        found |= measure(page, address, query)
    context.close()
    return found


def shift(page: Any, address: str, query: str) -> dict[str, float]:
    """Colour, lasso, class filter and method pills of the maps."""
    open_page(page, f"{address}/shift{query}")
    colours = [page.locator(".st-key-colour").get_by_text(name, exact=True) for name in ("flipped", "true")]
    found = {"colour, /shift": in_turn(page, [Act(one.click, [LEGEND], "click") for one in colours])}
    counted = ["document.querySelector('[data-testid=stMain]').innerText.match(/Selection: \\d+/)?.[0]"]
    lassos = [Act(lambda share=share: lasso(page, share), counted, "pointerup") for share in (0.4, 0.98)]
    found["lasso, /shift"] = in_turn(page, lassos)
    found["method pills, /shift"] = pills(page, "shift_methods", "tlaFind('.tla-maps .row').childElementCount")
    box = page.locator(".st-key-shift_classes").get_by_role("combobox")

    def choose() -> None:
        box.press("Enter")

    def before() -> None:
        box.click()
        box.press("ArrowDown")

    found["class filter, /shift"] = median(page, Act(choose, [LEGEND]), 3, before)
    return found


def neighbours(page: Any, address: str, query: str) -> dict[str, float]:
    """The slider of k, and the pills."""
    open_page(page, f"{address}/neighbours{query}")
    slider = page.get_by_role("slider", name="Neighbours k")
    slider.focus()
    heads = ["tlaFind('.neighbours .head').innerText"]
    found = {"slider k, /neighbours": median(page, Act(lambda: page.keyboard.press("ArrowLeft"), heads), 4)}
    found["method pills, /neighbours"] = pills(page, "neighbour_methods", "tlaFind('.neighbours').innerText.length")
    return found


def detection(page: Any, address: str, query: str) -> dict[str, float]:
    """The threshold: its numbers at once, its charts when it is released; and the pills."""
    open_page(page, f"{address}/detection{query}")
    page.get_by_role("slider", name="Clean images refused").focus()
    table = ["tlaFind('.threshold tbody').innerText"]
    charts = ["document.querySelector('.st-key-score_histograms').textContent"]
    found = {
        "threshold, /detection": median(page, Act(lambda: page.keyboard.press("PageUp"), table)),
        "threshold's charts, /detection": median(page, Act(lambda: page.keyboard.press("PageDown"), charts)),
    }
    found["method pills, /detection"] = pills(page, "detection_methods", charts[0])
    return found


def pills(page: Any, key: str, state: str) -> float:
    """Press the last pill of a control again and again."""
    pill = page.locator(f".st-key-{key}").get_by_role("button").last
    return median(page, Act(pill.click, [state], "click"), 4)


def lasso(page: Any, share: float) -> None:
    """Draw round a part of the first map."""
    box = page.locator(".map").first.bounding_box()
    left, top = box["x"] + 0.02 * box["width"], box["y"] + 0.02 * box["height"]
    right, bottom = box["x"] + share * box["width"], box["y"] + 0.98 * box["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    for point in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(*point, steps=3)
    page.mouse.up()


def in_turn(page: Any, acts: list[Act]) -> float:
    """Median seconds of acts that undo each other; the last is undone."""
    return statistics.median(answer(page, acts[number % len(acts)]) for number in range(ROUNDS + 1))


def median(page: Any, act: Act, rounds: int = ROUNDS, before: Callable[[], None] = lambda: None) -> float:
    """Median seconds of an act that may be repeated, each after `before`."""
    seconds = []
    for _ in range(rounds):
        before()
        seconds.append(answer(page, act))
    return statistics.median(seconds)


def answer(page: Any, act: Act) -> float:
    """Seconds until the first frame in which all states have changed."""
    page.evaluate(WATCH, [act.states, act.event])
    act.do()
    page.wait_for_function("window.answered")
    seconds = page.evaluate("window.answered") / 1000
    page.wait_for_timeout(700)
    return seconds


def open_page(page: Any, address: str) -> None:
    """Open a page and wait until nothing on it changes any more."""
    page.goto(address)
    page.wait_for_selector("[data-known]:not([data-known='0'])", state="attached")
    rest(page)


def rest(page: Any) -> None:
    """Wait until the page's script has run and nothing on it changes any more."""
    page.wait_for_timeout(1500)
    quiet(page)
