"""A study of embeddings: what every condition changes, model by model."""

from functools import lru_cache
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from tla.plots.drawing.scores import detector_label, detectors_of
from tla.plots.drawing.theme import DASH
from tla.plots.drawing.words import percent
from tla.plots.report.markup import interval_text, number_cell, section, share_cell, table, tile
from tla.plots.report.material import Material
from tla.statistics.conditions import CLEAN, condition_frame
from tla.statistics.intervals import Interval

TITLE = "What each condition changes"
COLUMNS = {"angle": "angle (&deg;)", "accuracy": "right (%)", "recall_1": "recall@1 (%)", "map_at_r": "MAP@R (%)"}
SHARES = ("accuracy", "recall_1", "map_at_r")
NEEDS_A_MODEL = (
    "Accuracy under attack, learning curves, the path of an attack, similarity layer by layer and the audit need a "
    "model, and this study was made from embeddings alone: <code>tla study DATA --given NAME=MODEL</code>."
)


def conditions(material: Material) -> str:
    """The table of all conditions and models, and what the study did not have."""
    frame, detector = measured(material), _detector(material)
    n = int(frame["n"].to_numpy().max())
    names = dict(COLUMNS) | ({"auc": f"AUC, {detector_label(detector).removeprefix('the ')}"} if detector else {})
    body = []
    for method in material.methods:
        for condition, rows in frame[frame["method"] == method].groupby("condition", sort=False):
            values = rows.set_index("measure")
            cells = [_cell(values.loc[name], name) for name in names]
            body.append(
                [f"<b>{material.label(method)}</b>" if condition == CLEAN else "", escape(str(condition)), *cells]
            )
    rest = [name for name in material.recorded("embeddings", "conditions") or [] if name != material.look.condition]
    more = f"; the dashboard shows {_listed(rest)} too" if rest else ""
    lead = (
        "The same test images in every condition, against their clean embeddings. All sections below show "
        f"<strong>{escape(material.look.condition)}</strong>{more}."
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in material.recorded("embeddings", "notes") or [])
    lacking = f'<div class="card"><h3>What these files do not hold</h3><ul>{notes}</ul></div>' if notes else ""
    source = (
        f"This study, n = {n} test images. Angle to the clean embedding: median. Right: predicted as their class. "
        "Recall and MAP@R: the nearest images of the gallery. AUC: images of the condition that are predicted wrong, "
        "against clean ones that are predicted right. Below each number its 95 % interval over the images."
    )
    return section("conditions", TITLE, lead, table(["", "condition", *names.values()], body, source), lacking)


def condition_headline(material: Material) -> str:
    """One sentence about the condition that is shown."""
    rows = measured(material)
    name = material.look.condition
    turned = _values(rows, name, "angle")
    words = ", ".join(f"{value.value:.0f}&deg; ({material.label(method)})" for method, value in turned.items())
    n = int(rows["n"].to_numpy().max())
    text = f"On {n} test images <strong>“{escape(name)}” turns the embedding by {words}</strong>, medians"
    before, after = _values(rows, CLEAN, "recall_1"), _values(rows, name, "recall_1")
    if not after:
        return f"{text}."
    found = ", ".join(
        f"from {percent(before[method].value)} to {percent(value.value)} ({material.label(method)})"
        for method, value in after.items()
    )
    return f"{text}; recall@1 goes {found}."


def condition_tiles(material: Material) -> str:
    """The numbers of the condition that is shown, model by model."""
    rows, name = measured(material), material.look.condition
    parts = []
    for measure, text in (
        ("accuracy", f"of the images in “{escape(name)}” are predicted as their class"),
        ("recall_1", f"of the images in “{escape(name)}” have a nearest neighbour of their class"),
    ):
        for method, value in _values(rows, name, measure).items():
            source = f"95 % interval {interval_text(value)}; this study"
            parts.append(tile(percent(value.value), f"{text} ({material.label(method)})", source))
    return "".join(parts[:6])


def measured(material: Material) -> pd.DataFrame:
    """See `tla.statistics.conditions.condition_frame`."""
    return _measured(material)


@lru_cache(maxsize=4)
def _measured(material: Material) -> pd.DataFrame:
    shift, near, found, scores = (
        material.every_condition(name) for name in ("shift", "neighbours", "retrieval", "detection")
    )
    assert shift is not None
    assert near is not None
    return condition_frame(shift, near, found, scores, _detector(material))


def _detector(material: Material) -> str:
    scores = material.every_condition("detection")
    return "" if scores is None else detectors_of(scores)[0]


def _values(rows: pd.DataFrame, condition: str, measure: str) -> dict[str, Interval]:
    part = rows[(rows["condition"] == condition) & (rows["measure"] == measure) & np.isfinite(rows["value"])]
    return {str(row.method): Interval(row.value, row.low, row.high) for row in part.itertuples()}  # pyright: ignore


def _cell(row: Any, measure: str) -> str:
    value = Interval(*(float(row[name]) for name in ("value", "low", "high")))
    if not np.isfinite(value.value):
        return f'<td class="none">{DASH}</td>'
    return share_cell(value) if measure in SHARES else number_cell(value, 3 if measure == "auc" else 1)


def _listed(names: list[str]) -> str:
    words = [f"<strong>{escape(name)}</strong>" for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
