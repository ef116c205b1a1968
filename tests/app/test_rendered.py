"""What measures the rendered pages, on pages whose contrasts and misfits are known."""

import pytest
from served import rendered

pytestmark = pytest.mark.browser
PAGE = """<body style="margin: 0; background: #fff"><p style="color: #767676">grey</p>
<div style="opacity: .5"><p style="color: #000">half</p></div>
<div style="position: relative; height: 30px"><i style="position: absolute; inset: 0; background: #111"></i>
<b style="position: relative; color: #333">bar</b></div>
<div style="width: 1px; height: 1px; overflow: hidden"><p style="color: #fff">spoken</p></div><section></section>
<div class="cut" style="width: 60px; overflow: hidden; white-space: nowrap">a long line of words</div>
<div class="wide" style="width: 2000px">wide</div><script>
document.querySelector("section").attachShadow({mode: "open"}).innerHTML =
  '<em style="color: #777">inside</em>' +
  '<div style="width: 50px; overflow-x: auto"><div style="width: 90px">scroll</div></div>';
</script>"""


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 600, "height": 500})
    page = context.new_page()
    page.set_content(PAGE)
    yield page
    context.close()


def test_contrasts_are_those_of_wcag(page):
    found = {one.text: one.ratio for one in rendered.contrasts(page)}
    assert found["grey"] == pytest.approx(4.54, abs=0.01)
    assert found["inside"] == pytest.approx(4.48, abs=0.01)
    assert found["half"] == pytest.approx(3.95, abs=0.05)  # as #808080
    assert found["bar"] < 1.6, "what is behind a text need not be around it"
    assert "spoken" not in found
    assert page.evaluate("document.querySelectorAll('style.tla-hide').length") == 0


def test_what_is_folded_is_unfolded_and_measured(page):
    page.set_content("""<details><summary>more</summary><div class="wide" style="width: 2000px">wide</div></details>""")
    assert not rendered.misfits(page)
    rendered.whole(page)
    assert rendered.misfits(page) == ["leaves the window: div.wide “wide”"]


def test_a_handle_that_reaches_out_of_an_allowed_table_is_no_misfit_of_its_frames(page):
    page.set_content("""<section style="width: 90px"><nav style="width: 90px; height: 30px; position: relative">
    <i style="position: absolute; right: -9px; width: 9px; height: 20px"></i></nav></section>""")
    assert rendered.misfits(page) == ["is left by its content by 9: nav “”"]
    assert not rendered.misfits(page, ("nav",))


def test_misfits_are_found_in_shadow_roots_too(page):
    found = " ".join(rendered.misfits(page))
    assert "is cut by" in found
    assert "div.cut" in found
    assert "leaves the window: div.wide" in found
    assert "scrolls sideways by 40" in found
    assert "div.wide" not in " ".join(rendered.misfits(page, (".wide",)))
