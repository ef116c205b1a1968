"""Verdicts between methods, in simulated studies: seldom where there is nothing, mostly where there is something."""

import numpy as np
import pandas as pd
import pytest

from tla.statistics import (
    Interval,
    adjusted,
    alone,
    leading,
    mean_difference,
    median_interval,
    paired_differences,
    power,
    training_spread,
    verdicts,
)
from tla.statistics.leading import accuracy_intervals

SPREAD = 0.0165
"""Standard deviation of the worst-case accuracy over trainings: `training_spread` of the shipped sweep digits-pool."""
DISAGREE, DENSITY = 0.085, 0.388
"""Share of images on which two trainings of a method differ there; density of the margins at 0 in the simulation."""


def study(rng, seeds, methods=2, images=500, own=0.0, lead=0.0):
    """Who stays right, shape (methods, seeds, images): margins of image, method, training and their meeting.

    Args:
        own: How much a method has with single images, the same in all its trainings.
        lead: By how much the first method is truly better, as a share of images.
    """
    noise = np.sqrt(max(SPREAD**2 - DISAGREE / 2 / images, 0)) / DENSITY
    mean = np.zeros((methods, 1, 1))
    mean[0] = lead / DENSITY
    margins = (
        mean
        + rng.normal(0.23, 1, images)
        + rng.normal(0, own, (methods, 1, images))
        + rng.normal(0, noise, (methods, seeds, 1))
        + rng.normal(0, 0.2, (methods, seeds, images))
    )
    return (margins > 0).astype(float)


def table_of(right):
    """The `attacks` table of a simulated study."""
    index = pd.MultiIndex.from_product([range(n) for n in right.shape], names=["method", "seed", "id"])
    frame = pd.DataFrame({"success": right.ravel() < 0.5}, index=index).reset_index()
    return frame.assign(method="m" + frame["method"].astype(str), attack="pgd", eps=0.1)


def test_the_simulation_spreads_as_measured_on_the_digits():
    import tla

    measured = tla.open_study("digits-pool").table("attacks")
    assert training_spread(measured) == pytest.approx(SPREAD, abs=1e-4)
    rng = np.random.default_rng(0)
    shares = np.array([study(rng, 2, 1)[0] for _ in range(300)]).mean(2)
    assert np.sqrt(((shares[:, 0] - shares[:, 1]) ** 2 / 2).mean()) == pytest.approx(SPREAD, rel=0.15)


@pytest.mark.parametrize("own", [0.0, 0.1])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_methods_get_a_verdict_in_at_most_five_of_a_hundred_studies(seeds, own):
    draws = [np.random.default_rng(start + seeds) for start in (0, 100, 200)]
    made = [mean_difference(*study(rng, seeds, own=own)) for rng in draws for _ in range(500)]
    false = np.mean([verdicts([one.value], [one.p]) != ["not shown"] for one in made])
    assert false <= 0.05 + 0.006  # one standard error of 1,500 studies
    assert all((one.p <= 0.05) == (not one.both.low <= 0 <= one.both.high) for one in made)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_equal_methods_in_a_study_of_six(seeds):
    """Five comparisons are allowed for: the share of studies with any verdict counts."""
    rng, wrong = np.random.default_rng(seeds), 0
    for _ in range(150):
        first, *others = study(rng, seeds, methods=6)
        found = [mean_difference(other, first) for other in others]
        wrong += set(verdicts([one.value for one in found], adjusted([one.p for one in found]))) != {"not shown"}
    assert wrong / 150 <= 0.05 + 0.018  # one standard error


def test_a_difference_of_twice_the_spread_is_found_in_most_studies_of_five_seeds():
    rng = np.random.default_rng(5)
    made = [mean_difference(*study(rng, 5, lead=2 * SPREAD)) for _ in range(400)]
    found = np.mean([verdicts([one.value], [one.p]) == ["higher"] for one in made])
    assert found >= 0.70
    assert power(5) == pytest.approx(found, abs=0.07)  # what is printed


def test_power_is_that_of_two_groups_of_trainings():
    rng, hits = np.random.default_rng(0), 0
    from scipy import stats

    for _ in range(3000):
        hits += stats.ttest_ind(rng.normal(2, 1, 3), rng.normal(0, 1, 3)).pvalue <= 0.05
    assert power(3) == pytest.approx(hits / 3000, abs=0.03)
    assert power(1) == 0.0
    assert power(3, 5) < power(3) < power(10)


@pytest.mark.parametrize("n", [2, 500])
def test_one_training_decides_nothing_however_large_the_difference(n):
    right = np.zeros((2, 1, n))
    right[0] = 1.0
    row = paired_differences(table_of(right), "m1").iloc[0]
    assert row["verdict"] == "one training"
    assert np.isnan(row["p"])
    assert (row["difference"], row["gained"], row["lost"]) == (1.0, n, 0)


def test_a_few_images_decide_nothing_even_if_all_trainings_agree():
    right = np.zeros((2, 3, 40))
    right[0, :, :5] = 1.0
    assert paired_differences(table_of(right), "m1")["verdict"].tolist() == ["not shown"]
    right[0, :, :12] = 1.0
    assert paired_differences(table_of(right), "m1")["verdict"].tolist() == ["higher"]
    assert paired_differences(table_of(right), "m0")["verdict"].tolist() == ["lower"]
    assert mean_difference(np.ones((2, 1)), np.zeros((2, 1))).p == 1.0


def test_holm_by_hand():
    assert adjusted([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert adjusted([0.9, 0.8]) == [1.0, 1.0]
    mixed = adjusted([0.02, float("nan"), 0.5])
    assert mixed[0] == pytest.approx(0.04)
    assert np.isnan(mixed[1])
    assert verdicts([1.0, -1.0, 0.1, 2.0], [0.05, 0.001, 0.051, float("nan")]) == [
        "higher", "lower", "not shown", "one training",
    ]  # fmt: skip


def test_nobody_is_named_alone_whom_somebody_else_is_close_to():
    values = {"a": Interval(0.6, 0.55, 0.65), "b": Interval(0.56, 0.5, 0.6), "c": Interval(0.1, 0.05, 0.15)}
    assert leading(values) == ["a", "b"]
    assert alone(values) is None
    assert alone(values, largest=False) == "c"
    unknown = Interval(float("nan"), 0.0, 1.0)
    assert leading({"a": unknown}) == []
    assert alone({"a": Interval(0.6, float("nan"), float("nan")), "b": values["c"]}) is None  # no interval: no name


def test_intervals_of_single_methods_know_the_trainings():
    rng = np.random.default_rng(1)
    one, several = (accuracy_intervals(table_of(study(rng, seeds)))["m0"] for seeds in (1, 3))
    assert one.high - one.low < several.high - several.low


def test_the_median_lies_within_its_interval_as_often_as_it_says():
    rng = np.random.default_rng(2)
    held = np.mean([(lambda i: i.low <= 0 <= i.high)(median_interval(rng.normal(size=41))) for _ in range(1500)])
    assert 0.94 <= held <= 0.985
    assert median_interval(np.array([3.0, np.nan])) == (3.0, 3.0, 3.0)
    assert np.isnan(median_interval(np.array([])).value)
