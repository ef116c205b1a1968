"""The few exact tests that turn counts into verdicts."""

import math
from typing import NamedTuple

CONFIDENCE = 0.95
LEVEL = 0.01
TOLERANCE = 0.01
Z95 = 1.959963984540054


class Interval(NamedTuple):
    """A share and its 95 % interval, each in [0, 1]."""

    share: float
    low: float
    high: float

    def __str__(self) -> str:
        """As in a sentence: "0.730 (0.665 to 0.787)"."""
        return f"{self.share:.3f} ({self.low:.3f} to {self.high:.3f})"


def wilson(count: int, n: int) -> Interval:
    """The share count/n with its 95 % score interval (Wilson 1927).

    Raises:
        ValueError: unless 0 <= count <= n and n >= 1.
    """
    _check(count, n)
    share = count / n
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2)) / (1 + Z95**2 / n)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def binomial_tail(count: int, n: int, share: float) -> float:
    """P(X >= count) for X ~ Binomial(n, share), 0 <= share <= 1.

    Raises:
        ValueError: unless 0 <= count <= n and n >= 1.
    """
    _check(count, n)
    if count == 0 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    log_p, log_q = math.log(share), math.log1p(-share)
    head = math.lgamma(n + 1)
    terms = (
        head - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_p + (n - k) * log_q for k in range(count, n + 1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def at_least(count: int, n: int, confidence: float = CONFIDENCE) -> float:
    """The share that is exceeded with the given one-sided confidence, by count of n (Clopper & Pearson 1934).

    Raises:
        ValueError: unless 0 <= count <= n and n >= 1.
    """
    _check(count, n)
    low, high = 0.0, count / n
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if binomial_tail(count, n, middle) < 1 - confidence else (low, middle)
    return low


def exceeds(count: int, n: int, share: float = TOLERANCE) -> bool:
    """True where count of n shows, with 95 % confidence, that more than `share` are concerned."""
    return n > 0 and at_least(count, n) > share


def sign_test(wins: int, losses: int) -> float:
    """One-sided exact McNemar test: P(at least `wins` of wins + losses | both are equally likely).

    Args:
        wins: Examples that only the challenger broke, >= 0.
        losses: Examples that only the attack under audit broke, >= 0.
    """
    return binomial_tail(wins, wins + losses, 0.5) if wins + losses else 1.0


def _check(count: int, n: int) -> None:
    if n < 1 or not 0 <= count <= n:
        raise ValueError(f"a count must lie between 0 and n >= 1, got {count} of {n}")
