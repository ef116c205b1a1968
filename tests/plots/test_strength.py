"""Accuracy against cost: the joined points, the band, the title."""

import numpy as np
import pytest
from synthetic import World, strength

from tla.plots import FIGURES

DRAW = FIGURES.get("strength")
FRAME = strength(World(n=50, methods=("at", "tla")))


def traces(figure, name):
    return [trace for trace in figure.data if trace.name.startswith(name)]


def test_points_are_those_of_the_table():
    figure = DRAW(FRAME)
    for trace, (_, rows) in zip(traces(figure, "ensemble"), FRAME.groupby("model"), strict=True):
        ours = rows[rows.attack.str.startswith("ensemble")]
        assert trace.mode == "lines+markers"
        assert trace.x.tolist() == ours.passes.tolist()
        assert trace.y.tolist() == pytest.approx((100 * ours.accuracy).tolist())
    assert [trace.mode for trace in traces(figure, "PGD-40")] == ["markers"] * 2


def test_the_band_is_a_point_wide_on_both_sides():
    figure = DRAW(FRAME)
    for band, (_, rows) in zip(traces(figure, "band"), FRAME.groupby("model"), strict=True):
        level = 100 * rows[rows.attack == "AutoAttack"].accuracy.item()
        assert np.unique(band.y).tolist() == pytest.approx([max(0, level - 1), level + 1])


def test_the_title_states_the_worst_of_all_networks():
    assert "as strong as AutoAttack at 1/15 of its passes or less" in DRAW(FRAME).layout.title.text
    weaker = FRAME.copy()
    here = (weaker.attack == "ensemble") & (weaker.model == "tla")
    weaker.loc[here, "accuracy"] += 0.013
    weaker.loc[here, "passes"] = 600
    assert "comes within 1.3 points of AutoAttack at 1/10 of" in DRAW(weaker).layout.title.text


def test_without_the_reference_there_is_no_claim():
    figure = DRAW(FRAME[FRAME.attack != "AutoAttack"])
    assert "against the cost of the attack" in figure.layout.title.text
    assert not traces(figure, "band")
