"""Intervals over seeds and images: by hand, against scipy, and by how often they hold what they claim."""

import numpy as np
import pandas as pd
import pytest
from synthetic import TABLES, World

from tla.plots import FIGURES
from tla.statistics.intervals import student
from tla.statistics.paired import mean_difference, paired, paired_differences, paired_mean


def drawn(rng, seeds, images, by_seed, by_image, noise):
    """A table of a known two-way model with mean 0."""
    return (
        rng.normal(0, by_seed, (seeds, 1))
        + rng.normal(0, by_image, (1, images))
        + rng.normal(0, noise, (seeds, images))
    )


@pytest.mark.parametrize("spread", [(0.03, 0.2, 0.3), (0.0, 0.2, 0.3), (0.05, 0.0, 0.3)])
@pytest.mark.more
def test_the_interval_holds_the_truth_as_often_as_it_says(spread):
    """With 5 seeds and 200 images, 95 % intervals of 1000 simulated studies; images alone fail where seeds differ."""
    rng = np.random.default_rng(0)
    held = alone = 0
    for _ in range(1000):
        found = paired_mean(drawn(rng, 5, 200, *spread))
        held += found.both.low <= 0 <= found.both.high
        alone += found.over_images.low <= 0 <= found.over_images.high
    assert 0.93 <= held / 1000 <= 1.0
    if spread[0] > 0.04:
        assert alone / 1000 < 0.75


def test_fixed_images_give_students_interval():
    from scipy import stats

    table = np.random.default_rng(1).normal(size=(4, 30))
    found = paired_mean(table)
    means = table.mean(1)
    expected = stats.t.interval(0.95, 3, means.mean(), means.std(ddof=1) / 2)
    assert (found.over_seeds.low, found.over_seeds.high) == pytest.approx(expected)
    assert found.both.high - found.both.low >= found.over_images.high - found.over_images.low - 0.05
    assert student(1.0, 0.0, 3) == (1.0, 1.0, 1.0)


def test_edges():
    one = paired_mean(np.array([[1.0, 0.0, 1.0]]))
    assert one.both == one.over_images
    assert np.isnan(one.over_seeds.low)
    still = paired_mean(np.ones((3, 4)))
    assert still.both == (1.0, 1.0, 1.0)
    assert np.isnan(paired_mean(np.zeros((0, 0))).value)
    with pytest.raises(ValueError, match=r"table must have seeds as rows .* got 1 dimension"):
        paired_mean(np.ones(3))
    with pytest.raises(ValueError, match="both tables must have the same images, got 3 and 4"):
        mean_difference(np.ones((2, 3)), np.ones((2, 4)))
    assert np.isnan(mean_difference(np.ones((2, 0)), np.ones((2, 0))).value)


def test_trainings_alone_give_welchs_test():
    from scipy import stats

    rng = np.random.default_rng(4)
    one, other = rng.normal(0.3, 1, (5, 60)), rng.normal(0, 3, (4, 60))
    found = mean_difference(one, other)
    peer = stats.ttest_ind(one.mean(1), other.mean(1), equal_var=False)
    bounds = peer.confidence_interval(0.95)
    assert (found.over_seeds.low, found.over_seeds.high) == pytest.approx((bounds.low, bounds.high))
    assert found.p >= peer.pvalue - 1e-12


def rows_of(method, successes):
    """One row per seed and image."""
    return pd.DataFrame([
        {"method": method, "seed": seed, "attack": "pgd", "eps": 0.1, "id": i, "success": hit}
        for seed, hits in successes.items() for i, hit in enumerate(hits)
    ])  # fmt: skip


def test_pairs_are_same_seed_same_image():
    base = rows_of("at", {0: [1, 1, 0, 0], 1: [1, 0, 0, 0], 7: [1, 1, 1, 1]})
    other = rows_of("tla", {0: [0, 1, 0, 0], 1: [0, 0, 0, 1], 8: [0, 0, 0, 0]})
    found = paired(pd.concat([base, other]), "tla", "at")
    assert (found.seeds, found.images) == (2, 4)  # seeds 7 and 8 have no partner
    assert found.value == pytest.approx((1 / 4 + 0 / 4) / 2)
    table = paired_differences(pd.concat([base, other]), "at", "pgd")
    assert list(table["per_seed"].iloc[0]) == pytest.approx([0.25, 0.0])
    assert table["verdict"].tolist() == ["not shown"]
    assert (table["gained"].iloc[0], table["lost"].iloc[0]) == (1.0, 0.5)


def test_what_is_not_there_is_named():
    frame = TABLES["attacks"](World(n=20, methods=("natural", "tla")))
    with pytest.raises(ValueError, match="base must be one of natural, tla, got 'at'"):
        paired_differences(frame)
    with pytest.raises(ValueError, match=r"attack must be worst or one of clean, .*, got 'pgdd'"):
        paired_differences(frame, "tla", "pgdd")


def test_the_figure_shows_every_seed_and_says_what_is_sure():
    figure = FIGURES.get("differences")(TABLES["attacks"](World(n=300, methods=("natural", "at"), seeds=(0, 1, 2))))
    dots, mean = figure.data
    assert len(dots.x) == 3
    assert float(np.mean(dots.x)) == pytest.approx(mean.x[0], abs=1e-4)
    assert mean.error_x.array[0] > 0
    assert "Beyond chance, against AT: Natural" in figure.layout.meta["title"]
    caption = figure.layout.meta["caption"]
    assert "3 trainings of each method" in caption
    assert "no difference shown does not mean equal" in caption
    one = FIGURES.get("differences")(TABLES["attacks"](World(n=300, methods=("natural", "at"))))
    assert one.layout.meta["title"].startswith("These networks minus this AT, in points: ")
    assert one.layout.meta["title"].endswith("one training, no verdict")
    assert "To decide, train more: --seeds 0 1 2 3 4" in one.layout.meta["caption"]
