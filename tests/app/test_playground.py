"""The triplet playground: the triplet in its address, and the loss and training of the library."""

import importlib

import pytest
import torch
from page_contract import run_snippet, snippets

from tla.data import SOURCES

board = importlib.import_module("board.triplet")

BY_HAND = {"anchor": "3,4", "positive": "4,3", "negatives": "5,5;0,5"}
DEFAULT = board.TripletState()


def test_it_needs_no_study(empty, open_page):
    app = open_page("playground")
    assert not app.exception
    assert app.title[0].value == "Triplet playground"
    assert [head.value for head in app.subheader] == ["Train with it"]


@pytest.mark.parametrize(
    ("more", "loss", "negative"),
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
def test_values_computed_by_hand(empty, open_page, more, loss, negative):
    app = open_page("playground", **(BY_HAND | more))
    assert not app.exception
    assert any(f"loss {loss:.4f} with negative {negative + 1} of" in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    "address",
    [
        {"anchor": "here"}, {"anchor": "1,2,3"}, {"negatives": ""}, {"negatives": "1,nan"}, {"alpha": "wide"},
        {"negatives": ";".join(["1,1"] * 9)}, {"drawn": "one"},
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_read_gives_the_default_triplet(empty, open_page, address):
    app = open_page("playground", **address)
    assert not app.exception
    assert any(f"of {len(DEFAULT.negatives)}" in caption.value for caption in app.caption)


def test_the_code_that_is_shown_gives_the_loss_that_is_shown(empty, open_page):
    app = open_page("playground", **BY_HAND, alpha="0.3")
    (code,) = snippets(app)
    assert float(run_snippet(code)["_"]) == pytest.approx(0.04 - 0.0100505 + 0.3, abs=1e-5)


def test_training_on_the_page(empty, open_page):
    """Two epochs of each; the same settings are trained once; other settings wait for the button."""
    app = open_page("playground", lesson_epochs="2", lesson_alpha="0.2")
    assert not app.exception
    assert not any("live on this machine" in caption.value for caption in app.caption)
    app.button[0].click().run()
    assert not app.exception
    (source,) = (caption.value for caption in app.caption if "live on this machine" in caption.value)
    assert any('"tla", alpha=0.2, lambda_triplet=4, mining="batch"' in code.value for code in app.code)
    app.button[0].click().run()
    assert source in [caption.value for caption in app.caption], "the same settings were trained again"
    app.slider(key="lesson_weight").set_value(1.0).run()
    assert not any("live on this machine" in caption.value for caption in app.caption)


def test_trainings_start_from_the_same_weights():
    live = importlib.import_module("board.live_training")
    settings, shares = live.LiveSettings(epochs=2), []
    at, tla = (live.train_now(method, settings, shares.append) for method in ("at", "tla"))
    assert at.clean.shape == tla.clean.shape == at.adversarial.shape == (3, live.TEST_IMAGES, 2)
    assert at.angle[0] == tla.angle[0]
    assert (at.right[0] == tla.right[0]).all()
    assert at.right[-1].mean() > at.right[0].mean(), "nothing was learnt"
    assert at.angle[-1] != tla.angle[-1]
    assert 0 < at.relative[-1] < 2
    assert shares[-1] == 1.0


def test_the_code_that_is_shown_trains_what_is_drawn(empty, open_page):
    live = importlib.import_module("board.live_training")
    app = open_page("playground", lesson_epochs="2")
    app.button[0].click().run()
    (code,) = (code.value for code in app.code if "TrainConfig" in code.value)
    result = run_snippet(code)["_"]
    drawn = live.train_now("tla", live.LiveSettings(epochs=2), lambda share: None)
    digits = SOURCES.build("digits").load()
    again = live.measure(result.model, digits.test.subset(torch.arange(live.TEST_IMAGES)), digits.train)
    assert again.angle == pytest.approx(drawn.angle[-1], rel=1e-4)
