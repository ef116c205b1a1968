"""The table of an evaluation: its columns, and how several are joined."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

COLUMNS = ("attack", "eps", "id", "y", "clean_prediction", "prediction", "success", "distance", "value", "queries")


def joined(frames: Sequence[pd.DataFrame], order: Sequence[str] | None = None) -> pd.DataFrame:
    """Tables of several processes, batches or radii as one, sorted by attack, eps and id; seconds add up.

    Args:
        frames: Tables of `evaluate`.
        order: Order of the labels; by default that of their first appearance.
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
