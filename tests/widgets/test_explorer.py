"""The explorer as Python sees it, without a browser."""

import builtins
import io

import numpy as np
import pandas as pd
import pytest
import traitlets
from PIL import Image

import tla
from tla.widgets.notebook.traits import bits_to_ids, ids_to_bits
from tla.widgets.packing import to_bits


@pytest.fixture
def explorer(small):
    return tla.explore(small)


def test_a_selection_is_set_seen_and_sorted(explorer):
    seen = []
    explorer.observe(lambda change: seen.append(change["new"]), "selection")
    explorer.selection = [7, 3, 3]
    explorer.selection = np.array([5])
    explorer.selection = []
    assert seen == [(3, 7), (5,), ()]


def test_what_the_browser_sends_becomes_ids(explorer):
    mask = np.zeros(60, bool)
    mask[[0, 9, 59]] = True
    explorer.set_state({"selection": memoryview(to_bits(mask)), "focus": 9, "methods": ["at"], "morph": 0.5})
    assert explorer.selection == (0, 9, 59)
    assert (explorer.focus, explorer.methods, explorer.morph) == (9, ["at"], 0.5)
    assert bits_to_ids(ids_to_bits((0, 9, 59), explorer), explorer) == (0, 9, 59)
    assert len(ids_to_bits((0, 9, 59), explorer)) <= 60 / 8 + 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("selection", [3, 1000], r"selection has ids that are not there: 1000; ids are 0 to 59 \(60 images\)"),
        ("selection", range(100), "selection has ids that are not there: 60, 61, 62 and 37 more"),
        ("selection", [0.5], "selection must be whole numbers"),
        ("selection", 3.5, "selection must be ids of images, got 3.5"),
        ("focus", 60, r"focus must be None or the id of an image, got 60; ids are 0 to 59"),
        ("focus", "a", "focus must be None or the id of an image, got 'a'"),
        ("morph", -0.1, r"morph must be 0 \(clean\) to 1 \(adversarial\), got -0.1"),
        ("methods", ["pgd"], "methods must be among natural, at, tla, got 'pgd'"),
    ],
)
def test_what_is_not_there_is_named(explorer, name, value, text):
    with pytest.raises(ValueError, match=text):
        setattr(explorer, name, value)


def test_an_unknown_colour_is_named(explorer):
    with pytest.raises(traitlets.TraitError, match=r"'colour' trait .* expected any of .* not the str 'red'"):
        explorer.colour = "red"


def test_rows_are_the_selected_rows_of_shift_with_their_score(explorer, small):
    explorer.methods, explorer.selection = ["natural", "tla"], range(20)
    rows = explorer.rows
    shift = small.table("shift").query("attack == 'pgd' and eps == 0.2")
    scores = small.table("detection").query("kind == 'adversarial' and eps == 0.2 and detector == 'gaussian'")
    assert len(rows) == 40
    for row in rows.itertuples():
        own = shift[(shift["method"] == row.method) & (shift["id"] == row.id)].iloc[0]
        assert (row.y, row.prediction, row.angle) == (own["y"], own["prediction"], own["angle"])
        score = scores[(scores["method"] == row.method) & (scores["id"] == row.id)]["score"]
        assert np.isnan(row.score) if score.empty else row.score == score.iloc[0]
    explorer.selection = ()
    assert len(explorer.rows) == 0
    assert list(explorer.rows.columns) == list(rows.columns)


def test_without_shift_rows_are_those_of_the_map(small):
    explorer = tla.explore(pd.DataFrame(small.table("map")), selection=[1, 2])
    assert explorer.rows["id"].tolist() == [1, 2] * 3
    assert {"y", "prediction", "u", "v"} <= set(explorer.rows.columns)


def test_it_answers_what_the_browser_asks_for(explorer, small, monkeypatch):
    sent = []
    monkeypatch.setattr(explorer, "tell", sent.append)
    explorer._received(None, {"name": "want", "value": {"focus": [5, 999], "pictures": [1, 10_000]}}, [])
    (block,) = sent
    (near,) = block["nearest"]
    assert near["places"] == [5]
    side = near["maps"]["at"]["adversarial"]
    rows = small.table("neighbours").query("method == 'at' and kind == 'adversarial' and id == 5").sort_values("rank")
    np.testing.assert_array_equal(side["ids"], rows["neighbour"])
    np.testing.assert_array_equal(side["classes"], rows["neighbour_y"])
    assert {sheet["kind"] for sheet in block["pictures"]} == {"clean", "natural", "at", "tla", "gallery"}


def test_where_there_is_no_front_end_a_picture_of_the_state_is_shown(explorer):
    first = explorer._repr_mimebundle_()[0]
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(first)
    assert first["text/plain"] == "Explorer(60 images, natural, at, tla)"
    plain = explorer.still()
    assert plain == explorer.still()
    assert Image.open(io.BytesIO(plain)).width > 600
    seen = {plain}
    for name, value in (("selection", [3]), ("focus", 3), ("colour", "flipped"), ("morph", 1.0), ("arrows", "all")):
        setattr(explorer, name, value)
        seen.add(explorer.still())
    assert len(seen) == 6


def test_a_saved_explorer_has_its_state(explorer, tmp_path):
    explorer.selection, explorer.focus = [4, 5], 5
    file = explorer.save(tmp_path / "e.html")
    assert file.stat().st_size > 50_000
    with pytest.raises(ValueError, match=r"must end in \.html, got 'e.txt'"):
        explorer.save(tmp_path / "e.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["e.html"]


def test_frames_with_images_and_names(small):
    images = small.arrays("images")
    explorer = tla.explore({"map": small.table("map")}, classes=list("abcdefghij"), images=images)
    assert explorer.scene.classes[:2] == ("a", "b")
    assert len(explorer._pictures.test) == 60


def test_without_the_extra_the_pip_line_is_given(monkeypatch, small):
    real, explore = builtins.__import__, tla.explore
    monkeypatch.delitem(__import__("sys").modules, "anywidget", raising=False)

    def without(name, *rest):
        if name.split(".")[0] == "anywidget":
            raise ModuleNotFoundError("no anywidget", name="anywidget")
        return real(name, *rest)

    monkeypatch.setattr("importlib.import_module", lambda name: without(name))
    with pytest.raises(
        ModuleNotFoundError, match=r"tla.explore needs the package 'anywidget': pip install 'anywidget>=0.9'"
    ):
        explore(small)
