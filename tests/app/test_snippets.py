"""The Python that pages show runs as it stands, and gives what the page shows."""

import json

import numpy as np
import pytest
from board.snippets import call, literal
from page_contract import charts, run_snippet, snippets

from tla.messages import radius_text

DRAWN = {
    "ablation": ("ablations", {}),
    "agreement": ("compare", {"one": "natural", "other": "at", "under": "pgd"}),
    "export": ("export", {"figure": "roc", "figure_theme": "dark"}),
    "roc": ("detection", {"refused": "20", "roc_part": "few", "detection_methods": ["at", "tla"]}),
    "bars": ("robustness", {"robust_methods": ["at"], "across": "methods"}),
    "trajectory": ("trajectory", {"focus": "2", "path_methods": ["natural", "tla"]}),
}


@pytest.mark.parametrize("key", DRAWN)
def test_the_code_draws_the_chart_of_the_page(studies, open_page, key):
    page, address = DRAWN[key]
    app = open_page(page, **address)
    (text,) = snippets(app)
    space = run_snippet(text)
    drawn = json.loads((space["figure"] if "figure" in space else space["_"]).to_json())["data"]
    shown = charts(app)[key]["data"]
    assert [trace.get("name") for trace in drawn] == [trace.get("name") for trace in shown]
    for ours, theirs in zip(drawn, shown, strict=True):
        assert ours.get("x") == theirs.get("x")
        assert ours.get("y") == theirs.get("y")


@pytest.mark.parametrize("address", [{}, {"target": "3", "attack": "mim", "eps": "0.125", "attack_seed": "4"}])
def test_the_code_attacks_as_the_page_does(studies, open_page, address):
    app = open_page("attack", focus="5", models=["at"], attack_steps="4", **address)
    assert not app.exception
    result = run_snippet(snippets(app)[0])["result"]
    said = radius_text(float(result.distance[0]), float(address.get("eps", 0.2)))
    assert any(f" distance {said} of " in caption.value for caption in app.caption)
    headline = next(text.value for text in app.markdown if text.value.startswith("**AT**"))
    assert ("· fooled" in headline) == bool(result.success[0])


def test_the_code_of_neighbours_selects_what_is_shown(studies, open_page):
    (text,) = snippets(open_page("neighbours", focus="5", k="3", neighbour_methods=["tla"]))
    table = run_snippet(text)["_"]
    assert table.shape == (2, 3)
    assert set(table.index.get_level_values("method")) == {"tla"}


def test_the_code_of_shift_explores_what_is_shown(studies, open_page):
    pytest.importorskip("anywidget", reason="the extra 'notebooks' is not installed")
    app = open_page("shift", shift_methods=["tla"], shift_classes=["3"], colour="flipped", focus="5")
    explorer = run_snippet(snippets(app)[0])["_"]
    assert (explorer.methods, explorer.only, explorer.colour, explorer.focus) == (["tla"], [3], "flipped", 5)


def test_values_are_written_as_python():
    for value in ("a 'b' \"c\"", 8 / 255, 0.205, True, None, 3, ["at", "tla-sa"], ("pgd",), [0.1, 2]):
        assert eval(literal(value)) == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value)
    assert literal(float(np.float64(0.1))) == "0.1"


def test_a_long_call_has_an_argument_in_each_line():
    assert call("f", "x", k=1) == ["f(x, k=1)"]
    assert call("f", "x" * 60, name="y" * 60)[0] == "f("
