"""ROC and intervals against scikit-learn, scipy and explicit loops."""

import numpy as np
import pandas as pd
import pytest
from frames import World, attacks

from tla.plots.curves import bootstrap_band, roc_curve
from tla.plots.summary import (
    accuracy,
    at_eps,
    bootstrap_mean,
    evenly,
    first_seed,
    main_eps,
    percent,
    share,
    signed,
    spread,
    wilson,
    worst_case,
)


@pytest.mark.parametrize(
    ("n", "m", "gap", "decimals"), [(50, 80, 1.0, 8), (200, 30, 0.0, 1), (3, 2, 2.0, 0), (1, 1, 1.0, 8)]
)
def test_roc_is_scikit_learns(n, m, gap, decimals):
    from sklearn import metrics

    rng = np.random.default_rng(n)
    positive, negative = rng.normal(gap, 1, n).round(decimals), rng.normal(0, 1, m).round(decimals)
    curve = roc_curve(positive, negative)
    y, scores = np.r_[np.ones(n), np.zeros(m)], np.r_[positive, negative]
    fpr, tpr, _ = metrics.roc_curve(y, scores, drop_intermediate=False)
    assert curve.auc.value == pytest.approx(metrics.roc_auc_score(y, scores), abs=1e-12)
    np.testing.assert_allclose(np.interp(fpr, curve.fpr, curve.tpr)[1:-1] >= tpr[1:-1] - 1e-9, True)
    np.testing.assert_allclose(np.trapezoid(curve.tpr, curve.fpr), curve.auc.value, atol=1e-12)
    for fp, tp, threshold in zip(curve.fpr, curve.tpr, curve.threshold, strict=True):
        assert fp == pytest.approx((negative >= threshold).mean())
        assert tp == pytest.approx((positive >= threshold).mean())


def test_roc_band_is_the_bootstraps():
    rng = np.random.default_rng(5)
    positive, negative = rng.normal(1, 1, 150), rng.normal(0, 1, 200)
    curve = roc_curve(positive, negative, replicates=400)
    areas, heights = [], []
    for _ in range(400):
        p, n = rng.choice(positive, 150), rng.choice(negative, 200)
        areas.append((p[:, None] > n).mean())
        heights.append((p >= np.quantile(n, 0.8)).mean())
    low, high = np.quantile(areas, [0.025, 0.975])
    assert curve.auc.low == pytest.approx(low, abs=0.012)
    assert curve.auc.high == pytest.approx(high, abs=0.012)
    at = np.argmin(np.abs(curve.grid - 0.2))
    assert curve.low[at] == pytest.approx(np.quantile(heights, 0.025), abs=0.04)
    assert curve.high[at] == pytest.approx(np.quantile(heights, 0.975), abs=0.04)


def test_a_redrawn_band_is_not_drawn_again():
    rng = np.random.default_rng(6)
    positive, negative = rng.normal(1, 1, 150), rng.normal(0, 1, 200)
    bootstrap_band.cache_clear()
    first, again = (roc_curve(positive.copy(), negative.copy()) for _ in range(2))
    other = roc_curve(positive, negative + 0.5)
    assert (bootstrap_band.cache_info().misses, bootstrap_band.cache_info().hits) == (2, 1)
    assert again.low is first.low
    assert (other.low != first.low).any()
    with pytest.raises(ValueError, match="read-only"):
        first.low[0] = 0.0


def test_roc_of_nothing_and_of_the_perfect():
    assert roc_curve(np.array([]), np.array([1.0])) is None
    assert roc_curve(np.array([np.nan]), np.array([1.0])) is None
    perfect = roc_curve(np.array([2.0, 3.0]), np.array([0.0, 1.0]))
    assert perfect.auc.value == 1.0
    assert perfect.threshold[perfect.at_fpr(0.0)] == 2.0
    constant = roc_curve(np.ones(5), np.ones(7))
    assert constant.auc.value == 0.5


def test_a_threshold_is_as_near_to_the_share_asked_for_as_the_scores_allow():
    """Also on a straight piece of the curve, of which a drawing keeps the ends only."""
    rng = np.random.default_rng(0)
    negative = rng.normal(size=5000)
    curve = roc_curve(np.full(5000, 100.0) + rng.normal(size=5000), negative)
    assert len(curve.bends) == 3
    for asked in (0.0, 0.05, 0.0501, 0.5, 1.0):
        at = curve.at_fpr(asked)
        assert curve.fpr[at] == np.count_nonzero(negative >= curve.threshold[at]) / 5000
        assert curve.fpr[at] == pytest.approx(np.floor(asked * 5000) / 5000)


def test_what_is_drawn_of_a_curve_is_the_curve():
    rng = np.random.default_rng(1)
    curve = roc_curve(rng.normal(1, 1, 300).round(1), rng.normal(0, 1, 400).round(1))
    assert len(curve.bends) < len(curve.fpr)
    for x, y in zip(curve.fpr, curve.tpr, strict=True):
        on = np.interp(x, curve.fpr[curve.bends], curve.tpr[curve.bends])
        assert y == pytest.approx(on) or x in curve.fpr[curve.bends]


@pytest.mark.parametrize(("k", "n"), [(0, 10), (5, 10), (10, 10), (95, 100), (1, 3000)])
def test_wilson_is_scipys(k, n):
    from scipy.stats import binomtest

    expected = binomtest(k, n).proportion_ci(method="wilson")
    found = wilson(k / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_wilson_without_images():
    assert np.isnan(wilson(0.0, 0).value)
    assert wilson(0.0, 0)[1:] == (0.0, 1.0)


def test_bootstrap_mean_is_near_the_normal_interval():
    values = np.random.default_rng(1).normal(3, 2, 400)
    found = bootstrap_mean(np.r_[values, np.nan])
    assert found.value == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert found.high - found.low == pytest.approx(2 * half, rel=0.15)
    assert np.isnan(bootstrap_mean(np.array([np.nan])).value)


def test_accuracy_by_hand():
    frame = pd.DataFrame({
        "method": "at", "seed": [0, 0, 1, 1], "attack": "pgd", "eps": 0.1, "id": [0, 1, 0, 1],
        "success": [True, False, False, False],
    })  # fmt: skip
    row = accuracy(frame).iloc[0]
    assert (row["accuracy"], row["n"], row["seeds"]) == (0.75, 2, 2)


def test_worst_case_is_the_minimum_per_image():
    rows = at_eps(attacks(World(n=50, methods=("at", "tla"))))
    worst = worst_case(rows)
    for method in ("at", "tla"):
        survivors = set(range(50))
        for _, row in rows[rows["method"] == method].iterrows():
            if row["success"]:
                survivors.discard(row["id"])
        part = worst[worst["method"] == method]
        assert set(part.loc[~part["success"], "id"]) == survivors


def test_main_eps_is_where_most_attacks_were_run():
    frame = attacks(World(n=5, methods=("at",)))
    assert main_eps(frame) == 0.2
    assert set(at_eps(frame)["eps"]) == {0.0, 0.2}
    assert set(at_eps(frame, 0.3)["attack"]) == {"clean", "pgd"}
    assert np.isnan(main_eps(frame[frame["attack"] == "clean"]))


def test_words():
    labels = {"a": "A", "b": "B"}
    assert spread({"a": 0.9, "b": 0.1}, labels) == "from 10 % (B) to 90 % (A)"
    assert spread({"a": 0.9, "b": 0.9}, labels) == "90 % for every model"
    assert spread({"a": 0.9, "b": np.nan}, labels) == "90 % for A"
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
