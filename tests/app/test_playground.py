"""The triplet playground: what its address says, and that the library judges the same."""

import importlib

import pytest
import torch

board = importlib.import_module("board.triplet")

PENCIL = {"anchor": "3,4", "positive": "4,3", "negatives": "5,5;0,5"}
USUAL = board.Played()


def test_it_needs_no_study(empty, open_page):
    app = open_page("playground")
    assert not app.exception
    assert app.header[0].value == "Triplet playground"
    assert [head.value for head in app.subheader] == ["Train with it"]


@pytest.mark.parametrize(
    ("more", "loss", "place"),
    [
        ({}, 0.079949, 0),
        ({"drawn": "1"}, 0.0, 1),
        ({"drawn": "1", "alpha": "0.2"}, 0.04, 1),
        ({"drawn": "7"}, 0.079949, 0),
        ({"negatives": "-3,-4", "distance": "abs_cosine"}, 0.09, 0),
        ({"negatives": "-3,-4", "distance": "cosine"}, 0.0, 0),
        ({"negatives": "3,5", "distance": "euclidean"}, 2**0.5 - 1 + 0.05, 0),
    ],
)
def test_values_made_with_a_pencil(empty, open_page, more, loss, place):
    app = open_page("playground", **(PENCIL | more))
    assert not app.exception
    assert any(f"loss {loss:.4f} with negative {place + 1} of" in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    "words",
    [
        {"anchor": "here"}, {"anchor": "1,2,3"}, {"negatives": ""}, {"negatives": "1,nan"}, {"alpha": "wide"},
        {"negatives": ";".join(["1,1"] * 9)}, {"drawn": "one"},
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_read_gives_the_usual_triplet(empty, open_page, words):
    app = open_page("playground", **words)
    assert not app.exception
    assert any(f"of {len(USUAL.negatives)}" in caption.value for caption in app.caption)


def test_the_code_that_is_shown_gives_the_loss_that_is_shown(empty, open_page):
    app = open_page("playground", **PENCIL, alpha="0.3")
    (code,) = (code.value for code in app.code if "Triplets" in code.value)
    space = {}
    exec(code.replace("triplet(Views(", "found = triplet(Views("), space)
    assert float(space["found"]) == pytest.approx(0.04 - 0.0100505 + 0.3, abs=1e-5)


def test_training_here_and_now(empty, open_page):
    """Two epochs of each; the same settings are not trained again; other settings wait for the button."""
    app = open_page("playground", lesson_epochs="2", lesson_alpha="0.2")
    assert not app.exception
    assert not any("live now" in caption.value for caption in app.caption)
    app.button[0].click().run()
    assert not app.exception
    (told,) = (caption.value for caption in app.caption if "live now" in caption.value)
    assert any('"tla", alpha=0.2, lambda_triplet=4, mining="batch"' in code.value for code in app.code)
    app.button[0].click().run()
    assert told in [caption.value for caption in app.caption], "the same training took other seconds"
    app.slider(key="lesson_weight").set_value(1.0).run()
    assert not any("live now" in caption.value for caption in app.caption)


def test_a_lesson_begins_where_the_others_begin():
    lesson = importlib.import_module("board.live_training")
    asked, shares = lesson.Asked(epochs=2), []
    at, tla = (lesson.trained(method, asked, shares.append) for method in ("at", "tla"))
    assert at.clean.shape == tla.clean.shape == at.adversarial.shape == (3, lesson.SHOWN, 2)
    assert at.angle[0] == tla.angle[0]
    assert (at.right[0] == tla.right[0]).all()
    assert at.right[-1].mean() > at.right[0].mean(), "nothing was learnt"
    assert at.angle[-1] != tla.angle[-1]
    assert 0 < at.relative[-1] < 2
    assert shares[-1] == 1.0


def test_the_code_that_is_shown_trains_what_is_drawn(empty, open_page, tmp_path, monkeypatch):
    lesson = importlib.import_module("board.live_training")
    app = open_page("playground", lesson_epochs="2")
    app.button[0].click().run()
    (code,) = (code.value for code in app.code if "TrainConfig" in code.value)
    monkeypatch.chdir(tmp_path)
    space = {}
    exec(code.replace("train(SmallCNN", "found = train(SmallCNN"), space)
    drawn = lesson.trained("tla", lesson.Asked(epochs=2), lambda share: None)
    test = space["tla"].SOURCES.build("digits").load()
    again = lesson._look(space["found"].model, test.test.subset(torch.arange(lesson.SHOWN)), test.train)
    assert again.angle == pytest.approx(drawn.angle[-1], rel=1e-4)
