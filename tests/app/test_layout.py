"""Every page in a real browser at three widths and in both themes: it fits, can be read, and its console is quiet."""

import re

import pytest
from dashboard import PAGES
from served import rendered, served, settled

pytestmark = [pytest.mark.browser, pytest.mark.more]
WIDEST = 1400
VIEWS = ((WIDEST, "light"), (420, "light"))
MORE = {
    "tour": [(WIDEST, "dark"), (1000, "light")],
    "shift": [(WIDEST, "dark")],
    "detection": [(WIDEST, "dark")],
    "attack": [(WIDEST, "dark"), (1000, "light")],
    "data": [(1000, "light")],
}
"""Further views of the pages with most controls; benchmarks/dashboard.py has the contrasts of all in both themes."""
TABLES = ("[data-testid=stDataFrame]",)
"""Tables that scroll within themselves."""
FITS = (
    r"scrolls sideways by \d+: st-key-refused_slider div\.wide",  # counts of the threshold, in a scroller of their own
    r"is left by its content by \d+: stSidebar section",  # Streamlit's handle to drag the sidebar
    r"is left by its content by \d+: st-key-\w+ div “-?[\d.]+”",  # the number above a slider's knob
    r"is left by its content by \d+: span\.(base|vlist)",  # a formula
)
"""Misfits that are none to the eye."""
LEAST = 4.5


@pytest.fixture(scope="module")
def address(made):
    with served(made) as found:
        yield found


def opened(chromium, address, path, width, scheme="light", wait=settled):
    """A page in a window of its own; its context must be closed."""
    context = chromium.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.said = []
    page.on("console", lambda one: page.said.append(f"{one.type}: {one.text} ({one.location.get('url', '')})"))
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    page.goto(f"{address}/{'' if path == 'tour' else path}")
    wait(page)
    return page


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_can_be_read_has_one_heading_and_says_nothing_to_the_console(chromium, address, path):
    for width, scheme in (*VIEWS, *MORE.get(path, [])):
        page = opened(chromium, address, path, width, scheme)
        rendered.whole(page)
        where = f"at {width} pixels, {scheme}"
        assert page.locator("h1").count() == 1
        misfits = rendered.misfits(page, TABLES)
        assert not [one for one in misfits if not any(re.match(known, one) for known in FITS)], where
        if width == WIDEST:
            contrasts = rendered.contrasts(page)
            assert len(contrasts) > 20
            assert contrasts[0].ratio >= LEAST, (where, contrasts[:5])
        assert not [one for one in page.said if one.startswith(("error", "warning")) and not foreign(one)], where
        page.context.close()


def foreign(said):
    """True for what Streamlit says of itself: below a page's address it first asks in vain for its own files."""
    return "404" in said and "/_stcore/" in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_control_can_be_read_under_the_pointer_and_shows_the_keyboard(chromium, address, scheme):
    for path in ("playground", "shift"):
        page = opened(chromium, address, path, 1400, scheme)
        rendered.whole(page)
        found = rendered.controls(page)
        page.context.close()
        assert len(found) > 8
        assert not [one for one in found if min(one.hovered, one.focused) < LEAST or not one.ring]


@pytest.mark.parametrize("width", [1400, 1000, 420])
def test_a_figure_is_drawn_once_at_the_width_of_its_page(chromium, address, width):
    context = chromium.new_context(viewport={"width": width, "height": 1000})
    page = context.new_page()
    drawn = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: drawn.append(frame)))
    page.goto(f"{address}/neighbours")
    page.wait_for_selector(".st-key-purity .main-svg")
    settled(page)
    assert sum(b'"template"' in frame and b"purity" in frame for frame in drawn) == 1
    chart, column = (
        page.locator(one).first.bounding_box()["width"] for one in (".st-key-purity .main-svg", ".st-key-purity")
    )
    assert abs(chart - column) < 60
    context.close()
