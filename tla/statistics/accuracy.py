"""Accuracy from one row per image: under each attack, and in the worst case over them."""

from typing import Any

import numpy as np
import pandas as pd

from tla.statistics.frame import Frame
from tla.statistics.intervals import wilson

CLEAN = "clean"
WORST = "worst"
"""The label of one more attack: an image counts as right only if no attack fools the model on it."""
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
    eps = [float(values[kind // len(names)]) for kind in kinds if names[kind % len(names)] != CLEAN]
    return min(set(eps), key=lambda one: (-eps.count(one), one)) if eps else float("nan")


def at_eps(attacks: Frame, eps: float | int | None = None) -> Frame:
    """Rows of the clean images and of the attacks at one eps (by default `main_eps`)."""
    eps = main_eps(attacks) if eps is None else eps
    near = np.abs(attacks["eps"].to_numpy(float) - eps) <= 1e-8 + 1e-5 * abs(eps)
    return attacks[near | (attacks["attack"] == CLEAN).to_numpy(bool)]


def worst_case(attacks: Frame) -> Frame:
    """An image counts as right only if no attack fooled it: the rows of one more attack, "worst".

    Args:
        attacks: Rows of the `attacks` table at one eps (`at_eps`); the columns method and seed may be missing.

    Returns:
        Columns method, seed (where they are there), id, success, attack ("worst"), eps, and queries, the sum over the
        attacks, where they were counted.
    """
    keys = attacks[[name for name in ("method", "seed", "id") if name in attacks.columns]]
    group, first = _groups(keys)
    fooled = np.bincount(group, attacks["success"].to_numpy(float)) > 0
    rows = keys.iloc[first].assign(success=fooled, attack=WORST, eps=attacks["eps"].max())
    if "queries" in attacks.columns:
        rows["queries"] = np.bincount(group, attacks["queries"].to_numpy(float))
    return rows


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
    right, size = np.bincount(group, 1 - attacks["success"].to_numpy(float)), np.bincount(group)
    cases = keys.iloc[first][["method", "attack", "eps"]]
    case, head = _groups(cases)
    table = cases.iloc[head].reset_index(drop=True)
    seeds = np.bincount(case)
    n, hits = np.bincount(case, size) / seeds, np.bincount(case, right) / seeds
    shares = [wilson(some, most) for some, most in zip(hits.tolist(), n.tolist(), strict=True)]
    for column, bound in (("accuracy", "value"), ("low", "low"), ("high", "high")):
        table[column] = np.array([getattr(share, bound) for share in shares], dtype=float)
    table["n"], table["seeds"] = np.rint(n).astype(int), seeds
    return table.sort_values(["method", "attack", "eps"], ignore_index=True)


def accuracy_and_worst(attacks: Frame) -> Frame:
    """`accuracy` of every attack and of the worst case, as one table.

    Args:
        attacks: Rows of the `attacks` table at one eps (`at_eps`).
    """
    if attacks.empty:
        return accuracy(attacks)
    return pd.concat([accuracy(attacks), accuracy(worst_case(attacks))], ignore_index=True)


def summarise(frame: Frame) -> Frame:
    """Accuracy under each attack, and under all of them together, model by model.

    Args:
        frame: A table of `tla.evaluate`, or the `attacks` table of a study (with method and seed).

    Returns:
        One row per (method, seed,) attack and eps: n, accuracy, low and high (95 %, Wilson), queries (mean per image),
        seconds (NaN if not known). The attack "worst" counts an image as right only if no attack of one eps fools it.
    """
    who = [name for name in ("method", "seed") if name in frame.columns]
    seconds = {} if who else frame.attrs.get("seconds", {})
    rows = []
    groups: Any = frame.groupby([*who, "attack", "eps"], sort=False)
    for key, group in groups:
        labels = dict(zip([*who, "attack", "eps"], key, strict=True))
        labels["seconds"] = seconds.get(labels["attack"], float("nan"))
        rows.append(labels | _shares(group))
    groups = frame[frame["attack"] != CLEAN].groupby([*who, "eps"], sort=False)
    for key, group in groups:
        labels = dict(zip([*who, "eps"], key, strict=True)) | {"attack": WORST}
        labels["seconds"] = sum(seconds.get(label, float("nan")) for label in group["attack"].unique())
        rows.append(labels | _shares(worst_case(group)))
    names = [*who, "attack", "eps", "n", "accuracy", "low", "high", "queries", "seconds"]
    return pd.DataFrame(rows, columns=names)


def _shares(rows: Frame) -> dict[str, float | int]:
    n, right = len(rows), int((~rows["success"].astype(bool)).sum())
    share, low, high = wilson(right, n)
    return {"n": n, "accuracy": share, "low": low, "high": high, "queries": float(rows["queries"].mean())}


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
