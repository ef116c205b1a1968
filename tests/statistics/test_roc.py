"""ROC curves and their intervals against scikit-learn, explicit resampling and known distributions."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as peer_curve

from tla.statistics.intervals import wilson
from tla.statistics.roc import (
    Sides,
    auc,
    auc_frame,
    auc_interval,
    bootstrap_bounds,
    roc_band,
    roc_curve,
    sides,
    tpr_at_fpr,
    tpr_interval,
)


def draw(seed, n, m, decimals):
    rng = np.random.default_rng(seed)
    return Sides(rng.normal(1, 1, n).round(decimals), rng.normal(0, 1, m).round(decimals))


def labelled(scores):
    return np.repeat([1, 0], [len(scores.positive), len(scores.negative)]), np.concatenate(scores)


@pytest.mark.parametrize("decimals", [0, 1, 8])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 8), (200, 300)])
def test_same_as_scikit_learn(n, m, decimals):
    scores = draw(0, n, m, decimals)
    assert auc(scores) == pytest.approx(roc_auc_score(*labelled(scores)), abs=1e-12)
    fpr, tpr, threshold = peer_curve(*labelled(scores), drop_intermediate=False)
    curve = roc_curve(scores)
    np.testing.assert_allclose(curve.fpr, fpr)
    np.testing.assert_allclose(curve.tpr, tpr)
    np.testing.assert_allclose(curve.threshold, threshold)
    for price in (0.0, 0.05, 0.5):
        assert tpr_at_fpr(scores, price) == tpr[fpr <= price].max()


def test_flagged_at_the_threshold_is_what_the_curve_says():
    scores = draw(1, 50, 70, 1)
    for fpr, tpr, threshold in zip(*roc_curve(scores), strict=True):
        assert (scores.positive >= threshold).mean() == tpr
        assert (scores.negative >= threshold).mean() == fpr


def test_a_fixed_price_that_rounding_could_miss():
    """The positive ties with the highest negative: 1 of 20 flagged is 5 %, 1 of 19 is more."""
    positive = np.array([2.0])
    assert tpr_at_fpr(Sides(positive, np.arange(-17, 3.0)), 0.05) == 1
    assert tpr_at_fpr(Sides(positive, np.arange(-16, 3.0)), 0.05) == 0
    assert 0.3 - 0.25 < 0.05
    assert tpr_at_fpr(Sides(positive, np.arange(-17, 3.0)), 0.3 - 0.25) == 1


def test_infinite_scores_are_scores():
    scores = Sides(np.array([np.inf, 1.0]), np.array([0.0, -np.inf]))
    assert auc(scores) == 1
    assert tpr_at_fpr(scores, 0.0) == 1


def simulated(rng, kind, area, p, n):
    """Scores of a known AUC: two normals, or two exponentials."""
    if kind == "normal":
        return Sides(rng.normal(2**0.5 * norm.ppf(area), 1, p), rng.normal(0, 1, n))
    return Sides(rng.exponential(area / (1 - area), p), rng.exponential(1, n))


@pytest.mark.parametrize("kind", ["normal", "exponential"])
@pytest.mark.parametrize(("area", "p", "n"), [(0.6, 60, 200), (0.9, 60, 400), (0.98, 500, 500), (0.98, 10, 10)])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(kind, area, p, n):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        interval = auc_interval(simulated(rng, kind, area, p, n))
        assert interval.low <= interval.value <= interval.high
        held += interval.low <= area <= interval.high
    assert 0.915 <= held / 400 <= 0.99


def test_the_interval_is_near_the_bootstraps():
    rng, scores = np.random.default_rng(5), draw(5, 150, 200, 1)
    areas = [auc(Sides(rng.choice(scores.positive, 150), rng.choice(scores.negative, 200))) for _ in range(2000)]
    found = auc_interval(scores)
    assert (found.low, found.high) == pytest.approx(np.quantile(areas, [0.025, 0.975]), abs=0.012)


def test_sides_without_overlap_are_not_certain():
    """Three of each kind, all told apart: no more is known than of three images of which three are right."""
    found = auc_interval(Sides(np.array([4.0, 5, 6]), np.array([1.0, 2, 3])))
    assert found == pytest.approx(wilson(3, 3))
    assert auc_interval(Sides(np.array([1.0]), np.array([0.0, 0.5]))).low < 0.3


def test_the_band_is_the_one_of_resampled_images():
    rng, scores = np.random.default_rng(6), draw(6, 150, 200, 8)
    band = roc_band(scores, points=11)
    heights = []
    for _ in range(2000):
        curve = roc_curve(Sides(rng.choice(scores.positive, 150), rng.choice(scores.negative, 200)))
        heights.append(curve.tpr[np.searchsorted(curve.fpr, band["fpr"].to_numpy() + 1e-12, "right") - 1])
    low, high = np.quantile(heights, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(band["low"], low, atol=0.035)
    np.testing.assert_allclose(band["high"], high, atol=0.035)
    price = tpr_interval(scores, 0.2)
    assert (price.low, price.high) == pytest.approx((low[2], high[2]), abs=0.035)


def test_a_redrawn_band_is_not_drawn_again():
    bootstrap_bounds.cache_clear()
    first, again = (roc_band(draw(6, 150, 200, 8)) for _ in range(2))
    other = roc_band(draw(7, 150, 200, 8))
    assert (bootstrap_bounds.cache_info().misses, bootstrap_bounds.cache_info().hits) == (2, 1)
    pd.testing.assert_frame_equal(first, again)
    assert not other.equals(first)


def test_a_threshold_is_as_near_to_the_share_asked_for_as_the_scores_allow():
    """Also on a straight piece of the curve, of which a drawing keeps the ends only."""
    rng = np.random.default_rng(0)
    negative = rng.normal(size=5000)
    curve = roc_curve(Sides(np.full(5000, 100.0) + rng.normal(size=5000), negative))
    assert len(curve.bends) == 3
    for asked in (0.0, 0.05, 0.0501, 0.5, 1.0):
        at = curve.at_fpr(asked)
        assert curve.fpr[at] == np.count_nonzero(negative >= curve.threshold[at]) / 5000
        assert curve.fpr[at] == pytest.approx(np.floor(asked * 5000) / 5000)


def test_what_is_drawn_of_a_curve_is_the_curve():
    curve = roc_curve(draw(1, 300, 400, 1))
    assert len(curve.bends) < len(curve.fpr)
    for x, y in zip(curve.fpr, curve.tpr, strict=True):
        on = np.interp(x, curve.fpr[curve.bends], curve.tpr[curve.bends])
        assert y == pytest.approx(on) or x in curve.fpr[curve.bends]


def test_band_holds_the_curve_and_repeats():
    scores = draw(2, 100, 100, 8)
    band = roc_band(scores, points=21)
    assert (band["low"] <= band["tpr"]).all()
    assert (band["tpr"] <= band["high"]).all()
    pd.testing.assert_frame_equal(band, roc_band(scores, points=21))
    assert band.iloc[-1].tolist() == [1, 1, 1, 1]
    assert band["tpr"].tolist() == [
        roc_curve(scores).tpr[roc_curve(scores).fpr <= fpr + 1e-12].max() for fpr in band["fpr"]
    ]


def test_an_empty_side_is_nan_not_an_error():
    empty = Sides(np.empty(0), np.array([1.0, 2.0]))
    assert np.isnan([auc(empty), tpr_at_fpr(empty), *auc_interval(empty), *tpr_interval(empty)]).all()
    assert not len(roc_band(empty))
    assert roc_curve(empty).fpr.tolist() == [0, 0.5, 1]
    assert np.isnan(roc_curve(empty).tpr).all()
    assert roc_curve(Sides(np.empty(0), np.empty(0))).fpr.shape == (1,)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "kind": ["clean", "clean", "clean", "adversarial", "adversarial", "adversarial"],
            "y": [0, 1, 1, 0, 1, 1],
            "prediction": [0, 1, 0, 1, 0, 1],
            "score": [0.1, 0.2, 9.0, 0.3, 0.15, 0.25],
        }
    )


def test_positives_and_negatives_are_as_the_method_says(table):
    found = sides(table)
    assert found.positive.tolist() == [0.3, 0.15]
    assert found.negative.tolist() == [0.1, 0.2]
    assert sides(table, "adversarial").negative.tolist() == [0.25]


def test_bad_input_is_named(table):
    with pytest.raises(ValueError, match="negatives must be 'clean' or 'adversarial', got 'all'"):
        sides.__wrapped__(table, "all")  # past the type check that only tests have
    with pytest.raises(ValueError, match="score must be a number, got NaN in 1 rows"):
        sides(table.assign(score=[np.nan, 1, 1, 1, 1, 1]))


def test_a_figure_drops_scores_that_are_nan(table):
    found = sides(table.assign(score=[np.nan, 0.2, 9.0, np.nan, 0.15, 0.25]), missing="drop")
    assert (found.positive.tolist(), found.negative.tolist()) == ([0.15], [0.2])


def test_summary_by_detector(table):
    both = pd.concat([table.assign(detector="a", eps=0.3), table.assign(detector="b", eps=0.3, score=-table["score"])])
    found = auc_frame(both)
    assert found["detector"].tolist() == ["a", "b"]
    assert found["auc"].tolist() == [0.75, 0.25]
    assert found[["positives", "passes"]].to_numpy().tolist() == [[2, 2], [2, 2]]
    assert (found["negatives"] == "clean").all()
    assert auc_frame(table, "adversarial")["auc"].tolist() == [0.5]
