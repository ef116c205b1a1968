"""Numbers as text, and the rows that figures select."""

import numpy as np
import pandas as pd

from tla.plots.drawing.map_points import Pairs
from tla.plots.drawing.rows import evenly, first_seed, share
from tla.plots.drawing.words import degrees, misclassified, percent, signed, spread
from tla.statistics import wilson


def test_words():
    labels = {"a": "A", "b": "B"}
    assert spread({"a": wilson(90, 100), "b": wilson(10, 100)}, labels) == "from 10 % (B) to 90 % (A)"
    assert spread({"a": 0.9, "b": 0.1}, labels) == "from 10 % to 90 %"  # nothing says how sure they are
    close = {"a": wilson(90, 100), "b": wilson(10, 100), "c": wilson(88, 100)}
    assert spread(close, labels | {"c": "C"}) == "from 10 % (B) to 90 %"
    assert spread({"a": 0.9, "b": 0.9}, labels) == "90 % (every model)"
    assert spread({"a": 0.9, "b": np.nan}, labels) == "90 % (A)"
    assert spread({"a": np.nan}, labels) == "nothing measured"
    assert percent(0.1234, 1) == "12.3 %"
    assert (signed(-2.51), signed(0.04)) == ("\u22122.5", "+0.0")
    assert percent(float("nan")) == "\u2013"


def test_evenly_share_and_first_seed():
    frame = pd.DataFrame({"seed": [3, 3, 1, 1], "v": range(4)})
    assert first_seed(frame)["v"].tolist() == [2, 3]
    assert first_seed(frame, 3)["v"].tolist() == [0, 1]
    assert evenly(4, 2).tolist() == [0, 3]
    assert evenly(4, 9).tolist() == [0, 1, 2, 3]
    assert share(np.array([True, False, False, True])) == 0.5
    assert np.isnan(share(np.array([], bool)))


def test_misclassified_names_both_and_leaves_out_what_is_not_known():
    assert misclassified(0.58, 0.33) == "58 % misclassified (clean: 33 %)"
    assert misclassified(0.58, float("nan")) == "58 % misclassified"
    y, before, after = np.array([0, 1, 2, -1]), np.array([0, 0, -1, 1]), np.array([1, 0, 2, 1])
    place = np.zeros(4, np.float32)
    pairs = Pairs(np.arange(4), y, before, after, place, place, place, place)
    assert pairs.misclassified() == "67 % misclassified (clean: 50 %)"
    assert pairs.where(y < 0).misclassified() == ""


def test_a_small_angle_is_not_nothing():
    assert [degrees(angle) for angle in (0.04, 0.44, 5.6, 21.0)] == ["0.0°", "0.4°", "6°", "21°"]
