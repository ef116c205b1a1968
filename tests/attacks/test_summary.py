"""Accuracies and their intervals."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tla.attacks import joined, summarise, wilson


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 500), (7, 10), (499, 500), (320, 1000)])
def test_wilson_against_scipy(hits, n):
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_refuses_more_hits_than_tries():
    with pytest.raises(ValueError, match="hits must be a part of n >= 1, got 3 of 2"):
        wilson(3, 2)


def rows(attack, eps, fooled, queries=1):
    return pd.DataFrame(
        {"attack": attack, "eps": eps, "id": np.arange(len(fooled)), "success": fooled, "queries": queries}
    )


def test_worst_case_is_the_mean_over_images_of_the_minimum():
    frame = joined(
        [
            rows("clean", 0.0, [False, False, False, True]),
            rows("a", 0.1, [True, False, False, True], queries=3),
            rows("b", 0.1, [False, True, False, True], queries=4),
            rows("a", 0.2, [True, True, True, True], queries=5),
        ]
    )
    found = summarise(frame).set_index(["attack", "eps"])
    assert found.accuracy.to_dict() == {
        ("clean", 0.0): 0.75,
        ("a", 0.1): 0.5,
        ("b", 0.1): 0.5,
        ("a", 0.2): 0.0,
        ("worst case", 0.1): 0.25,
        ("worst case", 0.2): 0.0,
    }
    assert found.queries["worst case", 0.1] == 7
    assert (found.n == 4).all()


def test_models_are_summarised_apart():
    one = rows("pgd", 0.1, [True, False]).assign(method="at", seed=0)
    two = rows("pgd", 0.1, [False, False]).assign(method="tla", seed=0)
    found = summarise(pd.concat([one, two])).set_index(["method", "attack"])
    assert found.accuracy["at", "worst case"] == 0.5
    assert found.accuracy["tla", "pgd"] == 1.0
