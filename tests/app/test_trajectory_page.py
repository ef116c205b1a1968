"""The path of one image: whose words they are, and the same attack again from several random starts."""

import shutil

import numpy as np
import pytest
from page_contract import charts

from tla.store import Store


@pytest.fixture
def view(studies):
    from board.studies import open_study

    return open_study("made", studies / "made")


@pytest.fixture
def contradicted(made, tmp_path, use_studies):
    """The synthetic study, whose evaluation fools every method on image 2, while no recorded path of it flips."""
    folder = tmp_path / "studies"
    shutil.copytree(made / "made", folder / "said")
    store = Store(folder / "said")
    store.note(steps={})  # which hold the digests of the tables
    attacks, paths = store.table("attacks"), store.table("trajectory")
    store.write_table("attacks", attacks.assign(success=attacks["success"] | (attacks["id"] == 2)))
    store.write_table("trajectory", paths.assign(success=paths["success"] & (paths["id"] != 2)))
    use_studies(folder)


def test_the_words_are_those_of_the_path_and_say_where_the_evaluation_differs(contradicted, open_page):
    app = open_page("trajectory", focus="2", path_methods=["at", "tla"])
    assert not app.exception
    layout = charts(app)["trajectory"]["layout"]
    assert layout["meta"]["title"].endswith("fools no model")
    titles = [note["text"] for note in layout["annotations"]]
    assert [title for title in titles if title.startswith("<b>AT")] == ["<b>AT</b>: none of 2 starts flip"]
    (said,) = [text.value for text in app.caption if "another random start" in text.value]
    assert "AT is fooled there, TLA is fooled there" in said


def test_nothing_is_said_where_path_and_evaluation_agree(view):
    from board.selection.focus import outcomes
    from board.selection.trajectory import otherwise

    table = outcomes(view, 0)
    rows = view.table("trajectory")
    rows = rows[(rows["id"] == 1) & (rows["step"] == rows["step"].max())]
    same = rows.assign(success=[bool(table.loc[1, method]) for method in rows["method"]])
    assert otherwise(view, same, 0, 1) == {}
    assert otherwise(view, same.assign(success=~same["success"]), 0, 1) == table.loc[1].astype(bool).to_dict()


def test_how_many_of_the_shown_methods_an_image_fools(view):
    from board.selection.trajectory import fooled_counts

    rows = view.table("trajectory")
    said = fooled_counts(rows)
    for sample, own in rows.groupby("id"):
        fooled = sum(bool(path["success"].any()) for _, path in own.groupby("method"))
        assert said[sample].split() == f"fools {fooled} of 3 methods".split()
    assert fooled_counts(rows[rows["method"] == "at"])[0].endswith("of 1\nmethod")


def test_the_fan_is_the_main_attack_from_different_starts(view):
    from board.fan import STARTS, fan, flipped

    rows = fan(view, "tla", 0, 7)
    assert rows["restart"].nunique() == STARTS
    assert (rows.groupby("restart")["step"].count() == rows["step"].max() + 1).all()
    assert (rows["success"] == (rows["prediction"] != rows["y"])).all()
    assert ((rows["margin"] > 0) == rows["success"]).all()
    first = rows[rows["step"] == 0]
    assert first["p_true"].nunique() == STARTS, "all starts are the same"
    assert np.isfinite(rows[["u", "v", "distance_own", "distance_false"]].to_numpy()).all()
    won = sum(bool(path["success"].any()) for _, path in rows.groupby("restart"))
    assert flipped(rows) == {"tla": won}
    assert fan(view, "tla", 0, 7).equals(rows)


def test_an_attack_without_random_start_has_no_fan(view, monkeypatch):
    from board import fan

    monkeypatch.setattr(fan, "main_attack_of", lambda view: {"name": "fgsm"})
    found, reasons = fan.fans(view, ["at", "tla"], 0, 7)
    assert found.empty
    assert reasons == ["pgd has no random start: every run of it takes the same path."]


def test_the_button_shows_the_fan_of_the_focus_image_and_goes_back(studies, open_page):
    app = open_page("trajectory", focus="7", path_methods=["at", "tla"])
    assert any("The path of image 7 was not recorded" in text.value for text in app.caption)
    app.button(key="fan_button").click().run()
    assert not app.exception
    (said,) = [text.value for text in app.markdown if "Starts that flip image 7" in text.value]
    layout = charts(app)["trajectory"]["layout"]
    assert layout["meta"]["title"].startswith("Test image 7 ")
    counts = {part.split()[0]: part.split()[1] for part in said.split(":** ")[1].rstrip(".").split(", ")}
    titles = [note["text"] for note in layout["annotations"]]
    for label in ("AT", "TLA"):
        count = "none" if counts[label] == "0" else counts[label]
        assert any(title.startswith(f"<b>{label}</b>: {count} of 8 starts flip") for title in titles)
    app.button(key="fan_button").click().run()
    assert not any("Starts that flip" in text.value for text in app.markdown)
