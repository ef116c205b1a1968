"""Intervals for means over trainings and images: both are samples, and every image meets every training."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from tla.statistics.accuracy import OUTCOMES, WORST, at_eps, worst_case
from tla.statistics.frame import Frame
from tla.statistics.intervals import UNKNOWN, Interval, bootstrap_mean, student


class PairedMean(NamedTuple):
    """A mean over seeds and images with three 95 % intervals around it.

    Attributes:
        value: The mean.
        over_seeds: As if the images were fixed: Student's t of the means of the seeds; nan with one seed.
        over_images: As if the trainings were fixed: bootstrap over the images' means.
        both: Other trainings and other images; with one seed, that over images.
        seeds: Number of seeds.
        images: Number of images.
    """

    value: float
    over_seeds: Interval
    over_images: Interval
    both: Interval
    seeds: int
    images: int


def paired_mean(table: np.ndarray) -> PairedMean:
    """The mean of a table of seeds x images, and how sure it is.

    `both` is the interval of the mean of a two-way layout with random rows and columns: the variances of the row means
    and of the column means, less the residual that both contain (never below the larger of the two), with
    Satterthwaite's degrees of freedom (Searle, Casella, McCulloch, Variance Components, 1992, ch. 4).

    Args:
        table: One row per seed, one column per image, shape (s, n), finite.

    Raises:
        ValueError: if the table is not of two dimensions.
    """
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"table must have seeds as rows and images as columns, got {table.ndim} dimension(s)")
    seeds, images = table.shape
    if not table.size:
        return PairedMean(float("nan"), UNKNOWN, UNKNOWN, UNKNOWN, seeds, images)
    value, rows, columns = float(table.mean()), table.mean(axis=1), table.mean(axis=0)
    over_images = bootstrap_mean(columns)
    if seeds < 2:
        return PairedMean(value, Interval(value, float("nan"), float("nan")), over_images, over_images, seeds, images)
    by_seed = float(rows.var(ddof=1)) / seeds
    over_seeds = student(value, by_seed, seeds - 1)
    if images < 2:
        return PairedMean(value, over_seeds, over_images, over_seeds, seeds, images)
    by_image = float(columns.var(ddof=1)) / images
    rest = table - rows[:, None] - columns[None, :] + value
    residual = float(np.square(rest).sum()) / ((seeds - 1) * (images - 1)) / (seeds * images)
    total = max(by_seed + by_image - residual, by_seed, by_image)
    share = by_seed**2 / (seeds - 1) + by_image**2 / (images - 1) + residual**2 / ((seeds - 1) * (images - 1))
    freedom = total**2 / share if share > 0 else 1.0
    return PairedMean(value, over_seeds, over_images, student(value, total, freedom), seeds, images)


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
    return paired_mean(_gain(right[one], right[other]))


def _gain(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Their difference for the seeds that both have and the images that both have with all of these."""
    gain = first - second
    gain = gain[~np.isnan(gain).all(axis=1)]
    return gain[:, ~np.isnan(gain).any(axis=0)]


def _per_seed(right: np.ndarray) -> np.ndarray:
    """Accuracy of each seed over the images that it has, nan without any, shape (s,)."""
    known = ~np.isnan(right)
    counts = known.sum(axis=1)
    return np.where(known, right, 0.0).sum(axis=1) / np.where(counts, counts, np.nan)


def paired_differences(attacks: Frame, base: str = "at", attack: str = "worst") -> Frame:
    """Every method against one of them, with paired 95 % intervals over seeds and images.

    Args:
        attacks: The `attacks` table.
        base: The method that the others are compared with.
        attack: Under which attack, "clean", or "worst": right only if no attack fools the model.

    Returns:
        Columns method, base, attack, seeds, n (images), difference (of accuracies, -1..1), low_seeds, high_seeds
        (Student's t over seeds; nan with one), low_images, high_images (bootstrap), low, high (both together), chance
        (true where low..high contains 0), per_seed (list: the difference of each seed).

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
    found, right = [], right_tables(rows, (*known, base))
    for method in known:
        if method == base:
            continue
        gain = paired_mean(_gain(right[method], right[base]))
        each = _per_seed(right[method]) - _per_seed(right[base])
        found.append({
            "method": method, "base": base, "attack": attack, "seeds": gain.seeds, "n": gain.images,
            "difference": gain.value, "low_seeds": gain.over_seeds.low, "high_seeds": gain.over_seeds.high,
            "low_images": gain.over_images.low, "high_images": gain.over_images.high,
            "low": gain.both.low, "high": gain.both.high,
            "chance": not (gain.both.low > 0 or gain.both.high < 0), "per_seed": each[~np.isnan(each)].tolist(),
        })  # fmt: skip
    return pd.DataFrame(found, columns=COLUMNS)


COLUMNS = [
    "method", "base", "attack", "seeds", "n", "difference", "low_seeds", "high_seeds", "low_images", "high_images",
    "low", "high", "chance", "per_seed",
]  # fmt: skip
