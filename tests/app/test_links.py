"""The address of a page carries its state: in a fresh session it shows the same."""

import shutil

import numpy as np
import pandas as pd
import pytest
from board import state
from board.picked_link import LONGEST, link_text, picked_in
from page_contract import charts

from tla.store import Store

IDS = [*range(10), *range(20, 300, 3)]


@pytest.mark.parametrize("share", [0.003, 0.05, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("count", [1, 7, 8, 60, 10_000])
def test_a_selection_comes_back_from_its_text(share, count):
    rng = np.random.default_rng(count)
    ids = np.sort(rng.choice(3 * count, count, replace=False))
    picked = ids[rng.random(count) < share].tolist() or [int(ids[0])]
    text = link_text(picked, ids.tolist())
    assert picked_in(text, ids.tolist()) == picked
    assert len(text) <= LONGEST, "a server could refuse the address"
    assert text.replace("-", "").replace(".", "").replace("_", "").isalnum(), "the text needs no escapes"


def test_neighbours_in_the_study_are_written_as_a_range():
    assert link_text([5, 3, 4, 9, 20, 23, 299], IDS) == "3-5.9-23.299"
    assert link_text([], IDS) == ""


@pytest.mark.parametrize(
    "text", ["z", "z!!", "zAAAA", "nobody", "3-", "9-3", "-3", "3..4", "11", "3-11", "9" * 30, "²", " 3", "a" * 5000]
)
def test_a_wrong_text_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="The selection in the address is left out: it cannot be read, or was made"):
        picked_in(text, IDS)


def test_packed_bits_of_another_study_are_refused():
    many = list(range(0, 400, 2))
    text = link_text(many, list(range(400)))
    assert text.startswith("z")
    for other in (IDS, list(range(401)), list(range(408))):
        with pytest.raises(ValueError, match="made with another study"):
            picked_in(text, other)


def test_shift_opens_with_the_selection_of_the_address(studies, open_page):
    app = open_page("shift", picked="3-5.9")
    assert not app.exception
    assert app.subheader[0].value == "Selection: 4 images"
    assert any("selection=[3, 4, 5, 9]" in code.value for code in app.code)
    app.button(key="clear_picked").click().run()
    assert app.subheader[0].value == "The largest turns"
    assert "picked" not in app.query_params


def test_the_address_follows_the_selection_over_pages(studies, open_page):
    app = open_page("shift", focus="5")
    app.session_state[state.PICKED] = [8, 2, 3]
    app.run()
    assert app.query_params["picked"] == "2-3.8"
    app.switch_page("pages_/neighbours.py").run()
    app.switch_page("pages_/shift.py").run()
    assert app.query_params["picked"] == "2-3.8"
    other = open_page("shift", picked="2-3.8")
    assert [head.value for head in other.subheader] == [head.value for head in app.subheader]


def test_a_wrong_selection_is_named_and_ignored(studies, open_page):
    app = open_page("shift", picked="3-9000")
    assert not app.exception
    assert [one.value for one in app.warning] == [
        "The selection in the address is left out: it cannot be read, or was made with another study."
    ]
    assert app.subheader[0].value == "The largest turns"
    app.run()
    assert len(app.warning) == 1, "the sentence is gone before it can be read"
    app.session_state[state.PICKED] = [8]
    app.run()
    assert not app.warning
    assert app.query_params["picked"] == "8"


def test_a_selection_too_large_for_an_address_is_said(studies, open_page, monkeypatch):
    monkeypatch.setattr("board.picked_link.LONGEST", 5)
    app = open_page("shift")
    app.session_state[state.PICKED] = [1, 3, 5, 7]
    app.run()
    assert any("4 images are too many for an address" in caption.value for caption in app.caption)
    assert "picked" not in app.query_params


SCENES = {
    "An image": ("tour_model", "tla"),
    "The idea": ("tour_alpha", "0.2"),
    "After training": ("tour_class", "3"),
    "Detection": ("tour_refused", "12.5"),
    "Neighbours": ("tour_kind", "clean"),
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_of_the_tour_opens_as_it_was(studies, open_page, scene):
    """The browser writes what was chosen into the address; see the journey for that half."""
    key, value = SCENES[scene]
    first, app = open_page("tour", scene=scene), open_page("tour", scene=scene, **{key: value})
    assert not app.exception
    assert drawn(app) != drawn(first)
    chosen = next(one.value for one in (*app.slider, *app.get("button_group")) if one.key == key)
    assert str(chosen) == value


def drawn(app):
    return list(charts(app).values())


@pytest.mark.parametrize("wrong", [{"tour_alpha": "9"}, {"tour_alpha": "x"}, {"scene": "none"}, {"tour_model": "no"}])
def test_a_wrong_control_of_the_tour_is_ignored(studies, open_page, wrong):
    scene = "The idea" if "tour_alpha" in wrong else "An image"
    plain, app = open_page("tour", scene=scene), open_page("tour", **({"scene": scene} | wrong))
    assert not app.exception
    assert drawn(app) == drawn(plain)


def test_ablations_open_as_they_were(made, tmp_path, use_studies, open_page):
    shutil.copytree(made / "made", tmp_path / "made")
    for number, name in enumerate(("one", "two")):
        rows = [
            (pool, attack, seed, 0.4 + 0.1 * number + 0.05 * seed, 100)
            for pool in (1.0, 50.0)
            for attack in ("cw", "pgd", "worst")
            for seed in (0, 1)
        ]
        table = pd.DataFrame(rows, columns=["value", "attack", "seed", "accuracy", "n"])
        store = Store(tmp_path / name)
        store.write_table("ablation", table.assign(parameter="method.tla.pool", method="tla", eps=0.2))
        store.note(complete="yes", study={"name": name, "methods": ["tla"]}, data={"classes": list("0123456789")})
    use_studies(tmp_path)
    app = open_page("ablations", study="made", sweep="two", sweep_attacks=["C&W"])
    assert not app.exception
    assert app.selectbox(key="sweep").value == "two"
    assert [trace["name"] for trace in charts(app)["ablation"]["data"]] == ["C&amp;W"]
    wrong = open_page("ablations", study="made", sweep="three", sweep_attacks=["none"])
    assert not wrong.exception
    assert drawn(wrong) == drawn(open_page("ablations", study="made"))
