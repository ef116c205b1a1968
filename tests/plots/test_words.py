"""Numbers as text, and the rows that figures select."""

import numpy as np
import pandas as pd

from tla.plots.drawing.rows import evenly, first_seed, share
from tla.plots.drawing.words import percent, signed, spread
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
