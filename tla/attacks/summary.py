"""From one row per image to accuracies with their intervals."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

WORST = "worst case"
Z95 = 1.959963984540054


class Interval(NamedTuple):
    """An interval of shares, each in [0, 1]."""

    low: float
    high: float


def wilson(hits: int, n: int) -> Interval:
    """The 95 % interval of a share (Wilson 1927): never outside [0, 1], right also near its ends.

    Args:
        hits: How many of n, 0 <= hits <= n.
        n: How many in all, >= 1.

    Raises:
        ValueError: if hits is not a part of n.
    """
    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"hits must be a part of n >= 1, got {hits} of {n}")
    share, spread = hits / n, Z95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = np.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return Interval(max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy under each attack, and under all of them together.

    Args:
        frame: A table of `evaluate`, or the `attacks` table of a study (with method and seed).

    Returns:
        One row per (method, seed,) attack and eps: n, accuracy, low and high (95 %, Wilson), queries (mean per image),
        seconds (NaN if not known). The attack "worst case" is the mean over images of the minimum over the attacks of
        one eps.
    """
    who = [name for name in ("method", "seed") if name in frame.columns]
    seconds = {} if who else frame.attrs.get("seconds", {})
    groups: Any = frame.groupby([*who, "attack", "eps"], sort=False)
    rows = []
    for key, group in groups:
        facts = dict(zip([*who, "attack", "eps"], key, strict=True))
        facts["seconds"] = seconds.get(facts["attack"], float("nan"))
        rows.append(facts | _accuracy(group["success"], group["queries"]))
    groups = frame[frame["attack"] != "clean"].groupby([*who, "eps"], sort=False)
    for key, group in groups:
        facts = dict(zip([*who, "eps"], key, strict=True))
        facts["seconds"] = sum(seconds.get(label, float("nan")) for label in group["attack"].unique())
        images = group.groupby("id").agg(success=("success", "any"), queries=("queries", "sum"))
        rows.append(facts | {"attack": WORST} | _accuracy(images["success"], images["queries"]))
    names = [*who, "attack", "eps", "n", "accuracy", "low", "high", "queries", "seconds"]
    return pd.DataFrame(rows, columns=names)


def joined(frames: Sequence[pd.DataFrame], order: Sequence[str] | None = None) -> pd.DataFrame:
    """Tables of several processes, batches or radii as one, sorted by attack, eps and id; seconds are added up.

    Args:
        frames: Tables of `evaluate`.
        order: Labels in the order wanted; by default that of their first appearance.
    """
    if not frames:
        raise ValueError("there is no table to join")
    if order is None:
        order = list(dict.fromkeys(label for frame in frames for label in frame["attack"].unique()))
    places = {label: place for place, label in enumerate(order)}
    whole = pd.concat(frames, ignore_index=True)
    rank = [places[label] for label in whole["attack"]]
    rows = np.lexsort((whole["id"].to_numpy(), whole["eps"].to_numpy(), np.array(rank)))
    whole = whole.iloc[rows].reset_index(drop=True)
    labels = dict.fromkeys(label for frame in frames for label in frame.attrs.get("seconds", {}))
    whole.attrs = {
        "seconds": {label: sum(frame.attrs.get("seconds", {}).get(label, 0.0) for frame in frames) for label in labels}
    }
    return whole


def _accuracy(fooled: pd.Series, queries: pd.Series) -> dict[str, float | int]:
    n, right = len(fooled), int((~fooled.astype(bool)).sum())
    return {"n": n, "accuracy": right / n, **wilson(right, n)._asdict(), "queries": float(queries.mean())}
