"""The permutation test of agreement against every permutation, and against closed forms."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import hypergeom

from tla.statistics import agreement


def test_against_every_permutation():
    y, guess = np.array([0, 0, 1, 1, 2, 2, 2]), np.array([0, 1, 1, 1, 2, 0, 2])
    right = int((y == guess).sum())
    matches = [sum(a == b for a, b in zip(order, guess, strict=True)) for order in permutations(y)]
    found = agreement(guess, y, 3)
    assert (found.right, found.n) == (right, 7)
    assert found.chance == pytest.approx(np.mean(matches) / 7)
    assert found.p == pytest.approx(np.mean(np.array(matches) >= right), abs=0.02)
    assert found.least == pytest.approx(np.mean(np.array(matches) == 7), abs=0.005)


def test_two_classes_are_hypergeometric():
    y, guess = np.repeat([0, 1], [30, 20]), np.repeat([0, 1, 0, 1], [20, 10, 9, 11])
    # right = 2 a + constants, where a is the number of images of class 0 that are called 0
    exact = hypergeom(50, 29, 30).sf(20 - 1)
    assert agreement(guess, y, 2).p == pytest.approx(exact, abs=0.015)


@pytest.mark.parametrize(
    ("guess", "above"), [(np.zeros(100, int), False), (np.arange(100) % 2, True), (1 - np.arange(100) % 2, False)]
)
def test_above_chance(guess, above):
    y = np.arange(100) % 2
    found = agreement(guess, y, 2)
    assert found.above_chance is above
    assert found.decidable
    assert found.chance == pytest.approx(0.5)


def test_a_constant_prediction_is_not_above_chance_on_unequal_classes():
    y = np.repeat([0, 1], [95, 5])
    assert agreement(np.zeros(100, int), y, 2).p == 1


def test_one_class_only():
    found = agreement(np.array([3] * 9 + [1]), np.full(10, 3), 4)
    assert found.chance == 0.25
    assert found.p == pytest.approx(30 * 0.25**10 + 0.25**10)


def test_too_few_images():
    assert not agreement([0, 1, 1], [0, 1, 1], 2).decidable


def test_predictions_of_classes_without_labels():
    found = agreement(np.full(20, 7), np.arange(20) % 2, 10)
    assert (found.right, found.chance, found.p) == (0, 0, 1)


@pytest.mark.parametrize(("guess", "y", "classes"), [([], [], 2), ([0], [0, 1], 2), ([0], [0], 1)])
def test_bad_input(guess, y, classes):
    with pytest.raises(ValueError, match="agreement needs two rows"):
        agreement(guess, y, classes)
