"""Risk and coverage against explicit loops, the closed form of the paper, and torch-uncertainty."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from tla.statistics import wilson
from tla.statistics.coverage import Failures, failure_frame, failures, measure_intervals, measures, risk_coverage


def drawn(seed=0, n=120, decimals=8, share=0.3):
    """Wrong rows a little more suspicious; two rows an image."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < share
    return Failures((rng.normal(size=n) + wrong).round(decimals), wrong, np.arange(n) // 2)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_measures_are_the_explicit_loop(share):
    rows = drawn(share=share)
    order, n = np.argsort(rows.score), len(rows.score)
    errors = [int(rows.wrong[order[: k + 1]].sum()) for k in range(n)]
    found, error = measures(rows), rows.wrong.mean()
    assert found.auroc == pytest.approx(roc_auc_score(rows.wrong, rows.score))
    assert found.aurc == pytest.approx(np.mean([count / (k + 1) for k, count in enumerate(errors)]))
    # The sum over n coverages is the integral but for a step of half an error: Traub et al. (2024), equation 7.
    assert found.augrc == pytest.approx(np.mean(errors) / n - error / (2 * n))
    assert found.e_augrc == pytest.approx(found.augrc - error**2 / 2)
    assert found.augrc == pytest.approx((1 - found.auroc) * error * (1 - error) + error**2 / 2)


def test_ties_count_as_the_mean_over_all_orders():
    wrong = np.array([False, True, True, False, True])
    score = np.array([0.0, 1.0, 1.0, 1.0, 2.0])
    found = []
    for order in itertools.permutations([1, 2, 3]):
        broken = score.copy()
        broken[list(order)] += [0.1, 0.2, 0.3]
        found.append(measures(Failures(broken, wrong, np.arange(5))))
    assert measures(Failures(score, wrong, np.arange(5))) == pytest.approx(np.mean(found, axis=0))


def test_torch_uncertainty_says_the_same():
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torch_uncertainty.metrics.classification", reason="torch-uncertainty is not installed")
    rows = drawn(n=2000)
    confidence = torch.tensor(0.5 + 0.49 * (1 - np.argsort(np.argsort(rows.score)) / len(rows.score)))
    probabilities = torch.stack([confidence, 1 - confidence], 1)
    for metric, ours in ((peer.AURC(), measures(rows).aurc), (peer.AUGRC(), measures(rows).augrc)):
        metric.update(probabilities, torch.tensor(rows.wrong.astype(int)))
        assert float(metric.compute()) == pytest.approx(ours, abs=2e-3)


def test_nobody_and_everybody_misclassified():
    score, image = np.arange(6.0), np.arange(6)
    none = measures(Failures(score, np.zeros(6, bool), image))
    assert np.isnan(none.auroc)
    assert none[1:] == (0, 0, 0)
    every = measures(Failures(score, np.ones(6, bool), image))
    assert np.isnan(every.auroc)
    assert every[1:] == (1, 0.5, 0)
    assert np.isnan(measures(Failures(score[:0], np.zeros(0, bool), image[:0]))).all()
    equal = measures(Failures(np.ones(4), np.array([True, False, False, False]), np.arange(4)))
    assert equal.auroc == 0.5
    assert equal.aurc == pytest.approx(0.25)


def test_images_are_drawn_not_rows():
    """Rows that come in identical pairs carry no more than one of each pair does."""
    alone = drawn(n=200)._replace(image=np.arange(200))
    twice = Failures(*(np.repeat(part, 2) for part in alone))
    narrow = measure_intervals(twice._replace(image=np.arange(400)))["augrc"]
    one, both = measure_intervals(alone)["augrc"], measure_intervals(twice)["augrc"]
    assert both.high - both.low == pytest.approx(one.high - one.low, rel=0.1)
    assert narrow.high - narrow.low < 0.85 * (one.high - one.low)


def test_the_jackknife_is_near_the_bootstrap():
    rows, rng = drawn(n=400, decimals=1), np.random.default_rng(1)
    samples = []
    for _ in range(600):
        picked = rng.integers(0, 200, 200)
        both = np.concatenate([2 * picked, 2 * picked + 1])
        samples.append(measures(Failures(*(part[both] for part in rows))))
    low, high = np.quantile(samples, [0.025, 0.975], axis=0)
    for found, least, most in zip(measure_intervals(rows).values(), low, high, strict=True):
        assert (found.low, found.high) == pytest.approx((least, most), abs=0.12 * (most - least))


def test_the_intervals_hold_the_truth_about_as_often_as_they_say():
    truth = np.mean([measures(drawn(seed, n=20000)) for seed in range(40)], axis=0)
    held = np.zeros(4)
    for seed in range(1000, 1120):
        intervals = measure_intervals(drawn(seed, n=200)._replace(image=np.arange(200)))
        held += [one.low <= value <= one.high for one, value in zip(intervals.values(), truth, strict=True)]
    assert (held / 120 >= 0.88).all()


def test_the_curve_ends_at_the_error_and_holds_its_band():
    rows = drawn(decimals=1)
    curve = risk_coverage(rows, points=21)
    assert curve["coverage"].is_monotonic_increasing
    assert curve["coverage"].iloc[-1] == 1
    assert curve["risk"].iloc[-1] == pytest.approx(rows.wrong.mean())
    np.testing.assert_allclose(curve["generalised"], curve["risk"] * curve["coverage"])
    assert ((curve["low"] <= curve["risk"]) & (curve["risk"] <= curve["high"])).all()
    assert curve["high"].iloc[-1] == pytest.approx(wilson(rows.wrong.mean() * 60, 60).high)  # images, not rows
    for _, row in risk_coverage(drawn(), points=11).iterrows():
        accepted = drawn().score <= row["threshold"]
        assert accepted.mean() == pytest.approx(row["coverage"])
        assert drawn().wrong[accepted].mean() == pytest.approx(row["risk"])
    assert not len(risk_coverage(Failures(np.empty(0), np.empty(0, bool), np.empty(0, int))))


def test_the_table_and_a_score_that_is_missing():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "id": np.tile(np.arange(50), 2), "kind": np.repeat(["clean", "adversarial"], 50), "y": 0,
        "prediction": rng.integers(0, 2, 100), "score": rng.normal(size=100), "detector": "a", "method": "at",
    })  # fmt: skip
    table = failure_frame(pd.concat([frame, frame.assign(detector="b", score=-frame["score"])]))
    assert table["detector"].tolist() == ["a", "b"]
    assert table["n"].tolist() == [100, 100]
    assert table["images"].tolist() == [50, 50]
    assert table["auroc"].sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="score must be a number, got NaN in 100 rows"):
        failures(frame.assign(score=np.nan))
