"""Exact tests of counts: binomial tails, Clopper and Pearson's bound, sign test and McNemar's test."""

CONFIDENCE = 0.95
LEVEL = 0.01
TOLERANCE = 0.01


def binomial_tail(count: int, n: int, share: float) -> float:
    """P(X >= count) for X ~ Binomial(n, share), 0 <= share <= 1.

    Raises:
        ValueError: unless 0 <= count <= n and n >= 1.
    """
    from scipy.special import betainc

    _check(count, n)
    return 1.0 if count == 0 else float(betainc(count, n - count + 1, min(max(share, 0.0), 1.0)))


def at_least(count: int, n: int, confidence: float = CONFIDENCE) -> float:
    """The share that is exceeded with the given one-sided confidence, by count of n (Clopper & Pearson 1934).

    Raises:
        ValueError: unless 0 <= count <= n and n >= 1.
    """
    from scipy.special import betaincinv

    _check(count, n)
    return 0.0 if count == 0 else float(betaincinv(count, n - count + 1, 1 - confidence))


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


def mcnemar(first: int, second: int) -> float:
    """Exact two-sided p-value of McNemar's test: are the disagreements split evenly? 1 without any.

    Args:
        first: Cases that only the first has right, >= 0.
        second: Cases that only the second has right, >= 0.
    """
    return min(1.0, 2 * sign_test(max(first, second), min(first, second)))


def _check(count: int, n: int) -> None:
    if n < 1 or not 0 <= count <= n:
        raise ValueError(f"a count must lie between 0 and n >= 1, got {count} of {n}")
