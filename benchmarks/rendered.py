"""What a rendered page shows: the contrast of every text, and what does not fit."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SCRIPT = (Path(__file__).parent / "rendered.js").read_text(encoding="utf-8")
MOST_HEIGHT = 9000
PENDING = "[data-stale=true], [data-testid=stStatusWidget], [data-testid=stSkeleton]"
"""What is there while a script of the dashboard runs."""
UNREAD = 0.1
"""Share of the pixels below a text that may be nearer to its colour: lines and corners that it crosses."""
HIDE = """*, *::placeholder { -webkit-text-fill-color: transparent !important; text-shadow: none !important; }
text, tspan { fill: transparent !important; stroke: transparent !important; }"""
STILL = "document.getAnimations().every((one) => one.effect.getTiming().iterations > 9 || one.playState != 'running')"
HIDING = """(css) => {
  const visit = (root) => {
    const style = Object.assign(document.createElement("style"), { className: "tla-hide", textContent: css });
    (root.head ?? root).append(style);
    for (const one of root.querySelectorAll("*")) if (one.shadowRoot) visit(one.shadowRoot);
  };
  visit(document);
}"""
SHOWING = """() => {
  const visit = (root) => {
    root.querySelectorAll("style.tla-hide").forEach((one) => one.remove());
    for (const one of root.querySelectorAll("*")) if (one.shadowRoot) visit(one.shadowRoot);
  };
  visit(document);
}"""


class Contrast(NamedTuple):
    """The contrast of one text with what is behind it, as WCAG 2 defines it: 1..21."""

    ratio: float
    text: str
    place: str


def whole(page: Any) -> None:
    """Unfold what is folded, and make the window as high as the page, so that all of it is painted."""
    page.evaluate("document.querySelectorAll('details:not([open]) > summary').forEach((one) => one.click())")
    quiet(page)
    size = page.viewport_size
    high = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]')?.scrollHeight ?? 0")
    page.set_viewport_size({"width": size["width"], "height": min(MOST_HEIGHT, max(size["height"], high + 40))})
    page.wait_for_timeout(700)
    quiet(page)


def quiet(page: Any) -> None:
    """Wait until no answer of a server is under way."""
    for _ in range(3):
        page.wait_for_timeout(250)
        page.wait_for_function(f"!document.querySelector({PENDING!r})")


def contrasts(page: Any) -> list[Contrast]:
    """The contrast of every text in the window, also in shadow roots, the least first.

    A text's colour comes from its style; what is behind it is taken from a picture of the page without its texts.
    """
    page.evaluate(SCRIPT)
    rest_pointer(page)
    texts = page.evaluate("tlaRendered.texts()")
    page.evaluate(HIDING, HIDE)
    page.wait_for_timeout(350)
    pixels = _pixels(page.screenshot())
    page.evaluate(SHOWING)
    found = [Contrast(ratio, one["text"], one["name"]) for one in texts if (ratio := _least(one, pixels)) is not None]
    return sorted(found)


def rest_pointer(page: Any) -> None:
    """Move the pointer off everything that answers to it, and wait until tooltips are gone."""
    page.mouse.move(page.viewport_size["width"] - 3, page.viewport_size["height"] - 3)
    page.wait_for_function("!document.querySelector('[data-testid=stTooltipContent]')")
    page.wait_for_function(STILL)


class Control(NamedTuple):
    """How a control looks under the pointer and with the keyboard.

    Attributes:
        name: What it is.
        hovered: Least contrast of its texts under the pointer.
        focused: The same with the keyboard.
        ring: Whether one sees that it has the keyboard.
    """

    name: str
    hovered: float
    focused: float
    ring: bool


def controls(page: Any) -> list[Control]:
    """One control of each kind that a page has and that takes the keyboard."""
    page.evaluate(SCRIPT)
    found = []
    for number, name in page.evaluate("tlaRendered.controls()"):
        contrast, ring = page.evaluate("(number) => tlaRendered.focused(number)", number)
        page.locator(f"[data-tla-control='{number}']").hover(force=True, timeout=5000)
        page.wait_for_timeout(350)
        hovered = page.evaluate("(number) => tlaRendered.contrast(number)", number)
        found.append(Control(name, hovered, contrast, ring))
    return found


def misfits(page: Any, allowed: tuple[str, ...] = ()) -> list[str]:
    """What is cut, leaves its box or the window, or must be scrolled sideways to be seen.

    Args:
        page: Of the browser.
        allowed: Selectors of elements that may, with all that they contain.
    """
    page.evaluate(SCRIPT)
    return list(dict.fromkeys(page.evaluate("(allowed) => tlaRendered.misfits(allowed)", list(allowed))))


def luminance(colours: np.ndarray) -> np.ndarray:
    """Relative luminance 0..1 of colours (..., 3) in 0..255."""
    share = np.asarray(colours, float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def _least(text: dict[str, Any], pixels: np.ndarray) -> float | None:
    """The contrast that all but a few of the pixels below a text have; None outside the picture."""
    below = [part for box in text["boxes"] if (part := _inside(box, pixels)).size]
    if not below:
        return None
    behind = np.concatenate(below).astype(float)
    ink = text["alpha"] * np.asarray(text["colour"], float) + (1 - text["alpha"]) * behind
    one, other = luminance(ink), luminance(behind)
    ratios = (np.maximum(one, other) + 0.05) / (np.minimum(one, other) + 0.05)
    return float(np.quantile(ratios, UNREAD))


def _inside(box: list[float], pixels: np.ndarray) -> np.ndarray:
    left, top, width, height = box
    rows = slice(max(0, round(top + 0.2 * height)), max(0, round(top + 0.8 * height)))
    return pixels[rows, max(0, round(left)) : max(0, round(left + width))].reshape(-1, 3)


def _pixels(file: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
