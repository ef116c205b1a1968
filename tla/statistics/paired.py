"""Intervals for means over trainings and images: both are samples, and every image meets every training."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tla.statistics.accuracy import OUTCOMES, WORST, at_eps, worst_case
from tla.statistics.frame import Frame
from tla.statistics.intervals import UNKNOWN, Interval, bootstrap_mean, student, student_p
from tla.statistics.verdicts import adjusted, verdicts


class PairedMean(NamedTuple):
    """A mean over trainings and images with three 95 % intervals around it.

    Attributes:
        value: The mean.
        over_seeds: As if the images were fixed: Student's t over the trainings; nan with one.
        over_images: As if the trainings were fixed: bootstrap over the images' means.
        both: Other trainings and other images, never narrower than `over_seeds`; with one training, that over images.
        seeds: Number of seeds.
        images: Number of images.
        p: Two-sided p-value of a mean of 0 that belongs to `both`; nan with one training, which decides nothing.
    """

    value: float
    over_seeds: Interval
    over_images: Interval
    both: Interval
    seeds: int
    images: int
    p: float = float("nan")


class Component(NamedTuple):
    """Variance of a mean that comes from one source, and its degrees of freedom."""

    variance: float
    freedom: float


def paired_mean(table: np.ndarray) -> PairedMean:
    """The mean of a table of trainings x images, and how sure it is.

    `both` is the interval of the mean of a two-way layout with random rows and columns: the variances of the row means
    and of the column means, less the residual that both contain (never below the larger of the two), with
    Satterthwaite's degrees of freedom (Searle, Casella, McCulloch, Variance Components, 1992, ch. 4). Two or three rows
    estimate their variance so badly that this alone errs too often; so `both` is never narrower than `over_seeds`.

    Args:
        table: One row per seed, one column per image, shape (s, n), finite.

    Raises:
        ValueError: if the table is not of two dimensions.
    """
    table = _checked(table)
    if not table.size:
        return _interval_of(float("nan"), np.empty(0), [table])
    return _interval_of(table.mean(), table.mean(axis=0), [table])


def mean_difference(one: np.ndarray, other: np.ndarray) -> PairedMean:
    """The mean of one table of trainings x images less that of another, on the same images, and how sure it is.

    The images are paired, the trainings are not: those of the same seed count as independent (Welch 1947), which if
    anything makes the interval too wide, and gives it twice the degrees of freedom of a difference per seed. Fewer
    than six images that tell the two apart are never beyond chance: even if all of them speak for the same side, the
    exact sign test does not reach 5 %. `tests/statistics/test_verdicts.py` measures how often it errs.

    Args:
        one: One row per training, one column per image, shape (s, n), finite.
        other: The same images in the same order, shape (t, n), finite.

    Raises:
        ValueError: if a table is not of two dimensions, or the numbers of images differ.
    """
    one, other = _checked(one), _checked(other)
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"both tables must have the same images, got {one.shape[1]} and {other.shape[1]}")
    if not one.size or not other.size:
        return _interval_of(float("nan"), np.empty(0), [one, other])
    columns = one.mean(axis=0) - other.mean(axis=0)
    found = _interval_of(one.mean() - other.mean(), columns, [one, other])
    apart = int(np.count_nonzero(columns))
    return found._replace(p=max(found.p, min(1.0, 2 * 0.5**apart))) if np.isfinite(found.p) else found


def _checked(table: np.ndarray) -> np.ndarray:
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"table must have seeds as rows and images as columns, got {table.ndim} dimension(s)")
    return table


def _interval_of(value: Any, columns: np.ndarray, tables: list[np.ndarray]) -> PairedMean:
    """Intervals of a sum or difference of the means of some tables of trainings x images.

    Args:
        value: The sum or difference.
        columns: The same for each image, shape (n,).
        tables: With independent rows and the same columns.
    """
    seeds, images = min(len(table) for table in tables), tables[0].shape[1]
    if not columns.size:
        return PairedMean(float("nan"), UNKNOWN, UNKNOWN, UNKNOWN, seeds, images)
    value, over_images = float(value), bootstrap_mean(columns)
    if seeds < 2:
        return PairedMean(value, Interval(value, float("nan"), float("nan")), over_images, over_images, seeds, images)
    by_seed = _together([_of_rows(table) for table in tables])
    over_seeds = student(value, *by_seed)
    if images < 2:
        return PairedMean(value, over_seeds, over_images, over_seeds, seeds, images, 1.0)
    by_image = Component(float(columns.var(ddof=1)) / images, images - 1)
    rest = _together([_residual(table) for table in tables])
    total = max(by_seed.variance + by_image.variance - rest.variance, by_seed.variance, by_image.variance)
    crossed = Component(total, _together([by_seed, by_image, rest], total).freedom)
    both = student(value, *crossed)
    wide = Interval(value, min(both.low, over_seeds.low), max(both.high, over_seeds.high))
    p = max(student_p(value, *part) for part in (by_seed, crossed))
    return PairedMean(value, over_seeds, over_images, wide, seeds, images, p)


def _of_rows(table: np.ndarray) -> Component:
    return Component(float(table.mean(axis=1).var(ddof=1)) / len(table), len(table) - 1)


def _residual(table: np.ndarray) -> Component:
    """What is neither of the row nor of the column."""
    seeds, images = table.shape
    rest = table - table.mean(axis=1)[:, None] - table.mean(axis=0)[None, :] + table.mean()
    freedom = (seeds - 1) * (images - 1)
    return Component(float(np.square(rest).sum()) / freedom / (seeds * images), freedom)


def _together(parts: list[Component], total: float | None = None) -> Component:
    """The sum of independent variances (or a given total) with Satterthwaite's degrees of freedom."""
    total = sum(part.variance for part in parts) if total is None else total
    share = sum(part.variance**2 / part.freedom for part in parts)
    return Component(total, max(total**2 / share, 1.0) if share > 0 else 1.0)


def right_tables(rows: Frame, methods: Iterable[str]) -> dict[str, np.ndarray]:
    """Who stays right: a table per method of the same seeds and images, one row per seed, one column per image.

    Args:
        rows: Columns method, seed, id, success, one row per method, seed and image.
        methods: Whose.

    Returns:
        Arrays of 1 and 0, nan where a method has no such seed or image, shape (s, n).
    """
    method, names = pd.factorize(rows["method"])
    (row, seeds), (column, ids) = (pd.factorize(rows[key].to_numpy(), sort=True) for key in ("seed", "id"))
    shape = len(names), len(seeds), len(ids)
    cell, count = (method * shape[1] + row) * shape[2] + column, math.prod(shape)
    fooled = np.bincount(cell, rows["success"].to_numpy(float), minlength=count) > 0
    right = np.where(np.bincount(cell, minlength=count) > 0, 1.0 - fooled, np.nan).reshape(shape)
    place = {str(name): code for code, name in enumerate(names)}
    return {name: right[place[name]] if name in place else np.full(shape[1:], np.nan) for name in methods}


def paired(rows: Frame, one: str, other: str) -> PairedMean:
    """Accuracy of one method less that of another: same seeds, same images, pair by pair.

    Args:
        rows: Columns method, seed, id, success.
        one: A method.
        other: Another. Seeds and images that only one of the two has are left out.
    """
    right = right_tables(rows, (one, other))
    return mean_difference(*_shared(right[one], right[other]))


def _shared(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both tables for the seeds that both have and the images that both have with all of these."""
    known = ~np.isnan(first - second)
    rows = known.any(axis=1)
    columns = known[rows].all(axis=0)
    return first[rows][:, columns], second[rows][:, columns]


def _per_seed(right: np.ndarray) -> np.ndarray:
    """Accuracy of each seed over the images that it has, nan without any, shape (s,)."""
    known = ~np.isnan(right)
    counts = known.sum(axis=1)
    return np.where(known, right, 0.0).sum(axis=1) / np.where(counts, counts, np.nan)


def paired_differences(attacks: Frame, base: str = "at", attack: str = "worst") -> Frame:
    """Every method against one of them, with paired 95 % intervals over trainings and images, and a verdict.

    Args:
        attacks: The `attacks` table.
        base: The method that the others are compared with.
        attack: Under which attack, "clean", or "worst": right only if no attack fools the model.

    Returns:
        Columns method, base, attack, seeds, n (images), difference (of accuracies, -1..1), low_seeds, high_seeds (over
        trainings; nan with one), low_images, high_images (bootstrap), low, high (both together; with one training over
        the images alone), gained, lost (images that only this one, only the base gets right, mean per training), p
        (that the methods are equal; allows for the number of comparisons), verdict (see `tla.statistics.verdicts`),
        per_seed (list: the difference of each seed).

    Raises:
        ValueError: if the table lacks the base or the attack; names what it has.
    """
    here = at_eps(attacks[OUTCOMES])
    rows = worst_case(here) if attack == WORST else here[here["attack"] == attack]
    known = [str(name) for name in rows["method"].unique()]
    if rows.empty and len(here):
        raise ValueError(f"attack must be worst or one of {', '.join(here['attack'].unique())}, got {attack!r}")
    if len(here) and base not in known:
        raise ValueError(f"base must be one of {', '.join(known)}, got {base!r}")
    right, methods = right_tables(rows, (*known, base)), [method for method in known if method != base]
    gains, found = [], []
    for method in methods:
        one, other = _shared(right[method], right[base])
        gain, each = mean_difference(one, other), _per_seed(right[method]) - _per_seed(right[base])
        gains.append(gain)
        found.append({
            "method": method, "base": base, "attack": attack, "seeds": gain.seeds, "n": gain.images,
            "difference": gain.value, "low_seeds": gain.over_seeds.low, "high_seeds": gain.over_seeds.high,
            "low_images": gain.over_images.low, "high_images": gain.over_images.high,
            "low": gain.both.low, "high": gain.both.high,
            "gained": _per_training(one > other), "lost": _per_training(one < other),
            "per_seed": each[~np.isnan(each)].tolist(),
        })  # fmt: skip
    p = adjusted([gain.p for gain in gains])
    table = pd.DataFrame(found, columns=[name for name in COLUMNS if name not in ("p", "verdict")])
    return table.assign(p=p, verdict=verdicts([gain.value for gain in gains], p))[COLUMNS]


def _per_training(where: np.ndarray) -> float:
    """Images per training for which something is true; nan without any training."""
    return float(where.sum()) / len(where) if len(where) else float("nan")


COLUMNS = [
    "method", "base", "attack", "seeds", "n", "difference", "low_seeds", "high_seeds", "low_images", "high_images",
    "low", "high", "gained", "lost", "p", "verdict", "per_seed",
]  # fmt: skip
