"""Exact tests against scipy."""

import pytest
from scipy import stats

from tla.statistics.exact import at_least, binomial_tail, exceeds, mcnemar, sign_test


@pytest.mark.parametrize(("count", "n"), [(0, 1), (1, 1), (0, 200), (3, 200), (7, 200), (200, 200), (150, 10_000)])
def test_bounds_agree_with_scipy(count, n):
    result = stats.binomtest(count, n, alternative="greater")
    assert at_least(count, n) == pytest.approx(result.proportion_ci(0.95, "exact").low, abs=1e-9)
    assert binomial_tail(count, n, 0.3) == pytest.approx(stats.binom.sf(count - 1, n, 0.3), rel=1e-9)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (5, 0), (7, 0), (9, 2), (2, 9), (400, 350)])
def test_sign_test_agrees_with_scipy(wins, losses):
    expected = stats.binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-9)


def test_six_of_two_hundred_are_more_than_one_percent_and_five_are_not():
    assert exceeds(6, 200, 0.01)
    assert not exceeds(5, 200, 0.01)
    assert not exceeds(0, 0, 0.01)


def test_an_impossible_count_is_refused():
    with pytest.raises(ValueError, match=r"a count must lie between 0 and n >= 1, got 3 of 2"):
        at_least(3, 2)


@pytest.mark.parametrize(("one", "other"), [(0, 0), (5, 5), (1, 0), (3, 12), (40, 61), (700, 1)])
def test_mcnemar_is_the_exact_binomial_test(one, other):
    from scipy.stats import binomtest

    expected = binomtest(one, one + other, 0.5).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected, rel=1e-9)
