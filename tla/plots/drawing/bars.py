"""Bars with intervals, as several figures draw them."""

from typing import Any

import numpy as np

from tla.plots.base import Frame


def bar(rows: Frame, labels: list[str], name: str, colour: str, ink: str) -> dict[str, Any]:
    """One row of bars with 95 % intervals, in per cent.

    Args:
        rows: Columns accuracy, low, high (0..1), n; one row a bar.
        labels: Where the bars stand.
        name: Entry of the legend.
        colour: Of the bars.
        ink: Of the intervals.
    """
    value, low, high = (100 * rows[column].to_numpy(float) for column in ("accuracy", "low", "high"))
    return {
        "type": "bar",
        "name": name,
        "x": labels,
        "y": value,
        "marker": {"color": colour, "line": {"width": 0}},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": np.maximum(high - value, 0),
            "arrayminus": np.maximum(value - low, 0),
            "color": ink,
            "thickness": 1.1,
            "width": 2,
        },
        "customdata": rows["n"].to_numpy(np.int32),
        "hovertemplate": f"{name}, %{{x}}: %{{y:.1f}} % (n = %{{customdata}})<extra></extra>",
    }
