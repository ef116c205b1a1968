"""Intervals against scipy and the normal interval."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tla.statistics import Interval, bootstrap_mean, mean_intervals, wilson


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 500), (7, 10), (499, 500), (320, 1000), (150, 10_000)])
def test_wilson_is_scipys(hits, n):
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((hits / n, expected.low, expected.high), abs=1e-12)


def test_wilson_of_a_mean_over_trainings_lies_between_its_neighbours():
    assert wilson(7, 10).low < wilson(7.5, 10).low < wilson(8, 10).low


def test_wilson_refuses_more_hits_than_tries_and_knows_nothing_of_none():
    with pytest.raises(ValueError, match="hits must lie between 0 and n, got 3 of 2"):
        wilson(3, 2)
    with pytest.raises(ValueError, match="hits must lie between 0 and n, got -1 of 2"):
        wilson(-1, 2)
    assert np.isnan(wilson(0, 0).value)
    assert wilson(0, 0)[1:] == (0.0, 1.0)


def test_an_interval_in_a_sentence():
    assert str(Interval(0.73, 0.665, 0.787)) == "0.730 (0.665 to 0.787)"


def test_values_of_the_same_image_are_drawn_together():
    rng = np.random.default_rng(0)
    image = rng.normal(size=200)
    once = bootstrap_mean(image)
    copies = bootstrap_mean(np.tile(image, 5), of=np.tile(np.arange(200), 5))  # five trainings that agree
    assert copies.value == pytest.approx(once.value)
    assert copies.high - copies.low == pytest.approx(once.high - once.low, rel=0.15)
    naive = bootstrap_mean(np.tile(image, 5))
    assert naive.high - naive.low < 0.6 * (copies.high - copies.low)
    assert bootstrap_mean(image, of=np.arange(200)) == once


def test_unequal_groups_weigh_by_their_values():
    found = bootstrap_mean(np.array([1.0, 1.0, 1.0, 0.0]), of=np.array([0, 0, 0, 1]))
    assert found.value == 0.75
    assert (found.low, found.high) == (0.0, 1.0)


def test_bootstrap_mean_is_near_the_normal_interval():
    values = np.random.default_rng(1).normal(3, 2, 400)
    found = bootstrap_mean(np.r_[values, np.nan])
    assert found.value == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert found.high - found.low == pytest.approx(2 * half, rel=0.15)
    assert np.isnan(bootstrap_mean(np.array([np.nan])).value)


class TestIntervals:
    def test_a_mean_as_the_normal_theory_has_it(self):
        values = pd.DataFrame({"a": np.random.default_rng(0).normal(3, 2, 400)})
        found = mean_intervals(values).iloc[0]
        error = values["a"].std() / 20
        assert found["mean"] == pytest.approx(values["a"].mean())
        assert found["low"] == pytest.approx(found["mean"] - 1.96 * error, abs=0.2 * error)
        assert found["high"] == pytest.approx(found["mean"] + 1.96 * error, abs=0.2 * error)

    def test_nan_does_not_count(self):
        found = mean_intervals(pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [np.nan] * 3, "c": [5.0] * 3}))
        assert found["n"].tolist() == [2, 0, 3]
        assert found["mean"].fillna(-1).tolist() == [2, -1, 5]
        assert found.loc[2, ["low", "high"]].tolist() == [5, 5]
        assert found.loc[1, ["low", "high"]].isna().all()

    def test_chunks_and_no_rows(self, monkeypatch):
        values = pd.DataFrame({"a": np.arange(50.0)})
        whole = mean_intervals(values, draws=30)
        monkeypatch.setattr("tla.statistics.intervals.CHUNK", 1)
        pd.testing.assert_frame_equal(mean_intervals(values, draws=30), whole)
        assert mean_intervals(values[:0]).loc[0, ["mean", "low", "high"]].isna().all()
