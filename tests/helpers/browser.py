"""A headless Chromium, and what a user does with a map."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-unsafe-swiftshader"]


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pytest-playwright is not installed")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, address: str, **options: Any) -> Iterator[Any]:
    """A page without a network that raises no error.

    Args:
        browser: From `chromium`.
        address: Of the page.
        options: Of the context: viewport, color_scheme, has_touch.
    """
    context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, "offline": True} | options)
    page = context.new_page()
    page.set_default_timeout(30_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    yield page
    context.close()
    assert not errors, errors


def lasso(page: Any, place: Any, shares: tuple[float, float, float, float] = (0.01, 0.01, 0.99, 0.99)) -> None:
    """Draw a line round a rectangle of a map with the mouse.

    Args:
        page: The page.
        place: The map's locator.
        shares: Left, top, right and bottom of the rectangle as shares of the map.
    """
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    left, top, right, bottom = shares
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=3)
    page.mouse.up()
