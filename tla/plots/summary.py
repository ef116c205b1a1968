"""Summaries of the tidy tables that figures and report share: accuracies, means and their intervals."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.plots.theme import DASH


class Interval(NamedTuple):
    """A value between its lower and upper bound."""

    value: float
    low: float
    high: float


def wilson(share: float, n: float | int, z: float | int = 1.96) -> Interval:
    """Wilson's 95 % interval of a share of `n` independent images.

    Args:
        share: Observed share in 0..1.
        n: Number of images; without any, the interval is 0..1 around nan.
        z: Normal quantile, 1.96 for 95 %.
    """
    if not n:
        return Interval(float("nan"), 0.0, 1.0)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(float(share), float(max(0.0, centre - half)), float(min(1.0, centre + half)))


FEW = 32
"""Of so few different values it is enough to draw how often each comes."""


def bootstrap_mean(values: np.ndarray, replicates: int = 400) -> Interval:
    """Mean of the finite values and its 95 % bootstrap interval (percentiles; same data, same bounds)."""
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng, n = np.random.default_rng(0), len(values)
    kinds, counts = np.unique(values, return_counts=True)
    if len(kinds) <= FEW:
        means = rng.multinomial(n, counts / n, replicates) @ kinds / n
    else:
        means = np.array([values[rng.integers(0, n, n)].mean() for _ in range(replicates)])
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


OUTCOMES = ["method", "seed", "attack", "eps", "id", "success"]
"""Columns of the `attacks` table that accuracies are made of; whole rows take longer to pick."""


def main_eps(attacks: Frame) -> float:
    """The eps at which most different attacks were run (the smallest of them): the one that bars and tables compare.

    Args:
        attacks: The `attacks` table.

    Returns:
        nan if nothing was attacked.
    """
    codes, names = pd.factorize(attacks["attack"])
    places, values = pd.factorize(attacks["eps"].to_numpy(float))
    kinds = np.flatnonzero(np.bincount(places * len(names) + codes))
    eps = [float(values[kind // len(names)]) for kind in kinds if names[kind % len(names)] != "clean"]
    return min(set(eps), key=lambda one: (-eps.count(one), one)) if eps else float("nan")


def at_eps(attacks: Frame, eps: float | int | None = None) -> Frame:
    """Rows of the clean images and of the attacks at one eps (by default `main_eps`)."""
    eps = main_eps(attacks) if eps is None else eps
    near = np.abs(attacks["eps"].to_numpy(float) - eps) <= 1e-8 + 1e-5 * abs(eps)
    return attacks[near | (attacks["attack"] == "clean").to_numpy(bool)]


def accuracy(attacks: Frame) -> Frame:
    """Share of images that stay right, per method, attack and eps, with Wilson's interval over the images.

    With several seeds the shares are averaged; n stays the number of images, as the same images come again.

    Args:
        attacks: The `attacks` table.

    Returns:
        Columns method, attack, eps, accuracy, low, high (0..1), n (images), seeds.
    """
    keys = attacks[["method", "attack", "eps", "seed"]]
    group, first = _groups(keys)
    fooled, size = np.bincount(group, attacks["success"].to_numpy(float)), np.bincount(group)
    cases = keys.iloc[first][["method", "attack", "eps"]]
    case, head = _groups(cases)
    table = cases.iloc[head].reset_index(drop=True)
    seeds, total, wrong = np.bincount(case), np.bincount(case, size), np.bincount(case, fooled)
    shares = [wilson(1 - w / t, t / s) for w, t, s in zip(*(x.tolist() for x in (wrong, total, seeds)), strict=True)]
    for column, bound in (("accuracy", "value"), ("low", "low"), ("high", "high")):
        table[column] = np.array([getattr(share, bound) for share in shares], dtype=float)
    table["n"], table["seeds"] = np.rint(total / np.maximum(seeds, 1)).astype(int), seeds
    return table.sort_values(["method", "attack", "eps"], ignore_index=True)


def _groups(keys: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Number of each row's group of equal keys, and the first row of every group; faster than groupby on strings."""
    code = np.zeros(len(keys), dtype=np.int64)
    for name in keys:
        values, names = pd.factorize(keys[name])
        code = code * max(len(names), 1) + values
    group, names = pd.factorize(code)
    first = np.zeros(len(names), dtype=np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]
    return group, first


def worst_case(attacks: Frame) -> Frame:
    """An image counts as right only if no attack fooled it: the rows of one more attack, "worst".

    Args:
        attacks: Rows of the `attacks` table at one eps (`at_eps`).

    Returns:
        Columns method, seed, attack ("worst"), eps, id, success.
    """
    keys = attacks[["method", "seed", "id"]]
    group, first = _groups(keys)
    fooled = np.bincount(group, attacks["success"].to_numpy(float)) > 0
    return keys.iloc[first].assign(success=fooled, attack="worst", eps=attacks["eps"].max())


def accuracy_and_worst(attacks: Frame) -> Frame:
    """`accuracy` of every attack and of the worst case, as one table.

    Args:
        attacks: Rows of the `attacks` table at one eps (`at_eps`).
    """
    if attacks.empty:
        return accuracy(attacks)
    return pd.concat([accuracy(attacks), accuracy(worst_case(attacks))], ignore_index=True)


def spread(values: dict[str, float], labels: dict[str, str]) -> str:
    """One phrase for a title: from the smallest to the largest value, "from 4 % (TLA) to 96 % (Natural)".

    Args:
        values: Share in 0..1 for each method; nan is left out.
        labels: What to call the methods.
    """
    known = {name: value for name, value in values.items() if np.isfinite(value)}
    if not known:
        return "nothing measured"
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    if len(known) == 1 or percent(known[low]) == percent(known[high]):
        return f"{percent(known[low])} for {'every model' if len(known) > 1 else labels[low]}"
    return f"from {percent(known[low])} ({labels[low]}) to {percent(known[high])} ({labels[high]})"


def percent(share: float, digits: int = 0) -> str:
    """A share as text: 0.953 -> "95 %"; a dash where there is none."""
    return f"{100 * share:.{digits}f} %" if np.isfinite(share) else DASH


def signed(value: float | int, digits: int = 1) -> str:
    """A number with its sign as text, with a true minus: -2.51 -> "\u22122.5"."""
    return f"{value:+.{digits}f}".replace("-", "\u2212")


def number(value: float | int, digits: int = 4) -> str:
    """A number as text with so many significant digits; a dash where there is none."""
    return f"{value:.{digits}g}" if np.isfinite(value) else DASH


def first_seed(frame: Frame, seed: int | None = None) -> Frame:
    """Rows of one seed: the given or the smallest, as maps and picture rows show one model of each method."""
    if frame.empty or "seed" not in frame:
        return frame
    return frame[frame["seed"] == (frame["seed"].min() if seed is None else seed)]


def share(hits: np.ndarray) -> float:
    """Share of a mask that is true; nan of nothing."""
    return float(np.count_nonzero(hits) / len(hits)) if len(hits) else float("nan")


def evenly(n: int, most: int) -> np.ndarray:
    """Indices of at most `most` of `n` things, evenly picked, rising."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(int)
