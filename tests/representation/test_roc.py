import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as peer_curve

from tla.representation.roc import (
    Sides,
    auc,
    auc_frame,
    auc_interval,
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


def test_interval_covers_the_truth_about_as_often_as_it_says():
    """Two unit normals one apart: AUC = Phi(1 / sqrt 2) = 0.7602."""
    hits = 0
    for seed in range(60):
        interval = auc_interval(draw(seed, 80, 80, 8), draws=200, seed=seed)
        assert interval.low <= interval.value <= interval.high
        hits += interval.low <= 0.7602 <= interval.high
    assert 50 <= hits <= 60


def test_band_holds_the_curve_and_repeats():
    scores = draw(2, 100, 100, 8)
    band = roc_band(scores, points=21)
    assert (band["low"] <= band["tpr"] + 0.02).all()
    assert (band["tpr"] <= band["high"] + 0.02).all()
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


def test_summary_by_detector(table):
    both = pd.concat([table.assign(detector="a", eps=0.3), table.assign(detector="b", eps=0.3, score=-table["score"])])
    found = auc_frame(both, draws=20)
    assert found["detector"].tolist() == ["a", "b"]
    assert found["auc"].tolist() == [0.75, 0.25]
    assert found[["positives", "passes"]].to_numpy().tolist() == [[2, 2], [2, 2]]
    assert (found["negatives"] == "clean").all()
    assert auc_frame(table, "adversarial", draws=5)["auc"].tolist() == [0.5]
