"""The triplet playground: what its address says, and that the library judges the same."""

import importlib

import pytest

board = importlib.import_module("board.triplet")

PENCIL = {"anchor": "3,4", "positive": "4,3", "negatives": "5,5;0,5"}
USUAL = board.Played()


def test_it_needs_no_study(empty, open_page):
    app = open_page("playground.py")
    assert not app.exception
    assert app.header[0].value == "Triplet playground"
    assert not app.subheader


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
    app = open_page("playground.py", **(PENCIL | more))
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
    app = open_page("playground.py", **words)
    assert not app.exception
    assert any(f"of {len(USUAL.negatives)}" in caption.value for caption in app.caption)


def test_the_code_that_is_shown_gives_the_loss_that_is_shown(empty, open_page):
    app = open_page("playground.py", **PENCIL, alpha="0.3")
    (code,) = (code.value for code in app.code if "Triplets" in code.value)
    space = {}
    exec(code.replace("triplet(Views(", "found = triplet(Views("), space)
    assert float(space["found"]) == pytest.approx(0.04 - 0.0100505 + 0.3, abs=1e-5)
