"""The widgets in a real JupyterLab: what is drawn is in Python in the next cell, what Python sets is drawn."""

import pytest
from browser import lasso
from jupyter import Lab, jupyter_lab, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.more, pytest.mark.slow]
pytest.importorskip("jupyterlab", reason="the extra 'notebooks' is not installed")
pytest.importorskip("anywidget", reason="the extra 'notebooks' is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab; gives its folder and address."""
    folder = tmp_path_factory.mktemp("lab")
    with jupyter_lab(folder) as address:
        yield folder, address


@pytest.fixture
def notebook(server, chromium):
    """Opens a notebook of some cells: `notebook("dark", "import tla", ...)`."""
    folder, address = server
    context = chromium.new_context(viewport={"width": 1400, "height": 1100})
    page = context.new_page()
    page.set_default_timeout(60_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def write(theme, *cells):
        write_notebook(folder / f"{theme}.ipynb", cells)
        return Lab(page, address, f"{theme}.ipynb", theme)

    yield write
    context.close()
    assert not errors, errors


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_drawn_is_in_python_and_what_python_sets_is_drawn(notebook, theme):
    lab = notebook(
        theme,
        'import tla\nex = tla.explore("digits", focus=25)\nex',
        "print(len(ex.selection), len(ex.rows), ex.focus)",
        'ex.selection, ex.focus, ex.methods, ex.morph = range(40), 7, ["at", "tla"], 0.5',
        "print(len(ex.selection), ex.focus, ex.morph, ex.colour, ex.methods)",
    )
    page = lab.page
    lab.run(0)
    page.wait_for_selector(".map canvas")
    page.wait_for_selector(".nearest .tile")
    root = page.locator(".tla").first
    assert root.get_attribute("data-theme") == theme
    assert page.locator(".map").count() == 3
    lasso(page, page.locator(".map").first, (0.5, 0.02, 0.98, 0.98))
    drawn = int(page.locator(".count").inner_text().split()[0])
    assert 0 < drawn < 500
    assert lab.text(1) == f"{drawn} {3 * drawn} 25"
    lab.run(2)
    page.wait_for_selector("text=40 of 500 selected")
    assert page.locator(".map").count() == 2
    assert page.locator(".images .tile").count() == 40
    assert page.locator(".focus-bar input").input_value() == "7"
    morph = page.get_by_label("from clean to adversarial")
    assert morph.input_value() == "0.5"
    morph.scroll_into_view_if_needed()
    morph.fill("1")
    page.locator(".pick select").first.select_option("flipped")
    page.locator(".images .tile").nth(3).click()
    chosen = page.locator(".focus-bar input").input_value()
    page.get_by_role("button", name="ALP").click()
    assert lab.text(3) == f"40 {chosen} 1.0 flipped ['at', 'alp', 'tla']"


def test_threshold_lab_and_explorer_are_linked(notebook):
    lab = notebook(
        "light",
        'import tla\nex = tla.explore("digits")\ncut = tla.threshold("digits", method="at")\ntla.link(ex, cut)\ncut',
        "ex",
        "print(cut.share, len(cut.refused), len(cut.passed), ex.selection == cut.passed)",
        'attack = tla.lab("digits:tla", steps=5)\nlink = tla.link(ex, attack)\nattack',
        "ex.focus = 25\nprint(attack.focus, attack.result.success.tolist())",
        "print(attack.eps, ex.focus)",
    )
    page = lab.page
    lab.run(0)
    lab.run(1)
    page.wait_for_selector(".cut table")
    handle = page.get_by_label("Clean images refused")
    handle.scroll_into_view_if_needed()
    handle.fill("20")
    handle.dispatch_event("change")
    row = page.locator(".cut tbody tr").nth(1)
    refused, passed = (int(row.locator("td").nth(k).inner_text().split()[0]) for k in (0, 1))
    row.locator("button").nth(1).click()
    page.wait_for_selector(f"text={passed} of 500 selected")
    assert lab.text(2) == f"0.2 {refused} {passed} True"
    lab.run(3)
    page.wait_for_selector(".lab .film")
    assert lab.text(4).startswith("25 ")
    page.wait_for_selector(".lab .tile.focus[data-id='25']")
    assert page.locator(".lab .film figcaption").first.inner_text().startswith("clean: 8")
    tile = page.locator(".lab .tile").nth(3)
    tile.scroll_into_view_if_needed()
    tile.click()
    eps = page.locator(".lab input[type=range]").first
    eps.fill("0.3")
    page.wait_for_selector(".lab .verdict:has-text('of 0.3, ')")
    assert lab.text(5) == "0.3 3"
