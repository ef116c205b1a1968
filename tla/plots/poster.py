"""The poster on one page, from one study."""

from collections.abc import Sequence
from dataclasses import replace

from tla.plots.accuracy_bars import accuracy_bars
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.compose import GAP, page
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.theme import LIGHT, Look, methods_of
from tla.plots.neighbour_rows import neighbour_rows
from tla.plots.one_class import one_class
from tla.plots.roc import roc
from tla.plots.two_classes import two_classes

SHOWN = ("natural", "at", "alp", "tla")
"""The methods of the poster's maps."""


@figure("poster", "attacks", "map", "detection", optional=("shift", "neighbours"))
def poster(
    attacks: Frame,
    points: Frame,
    detection: Frame,
    *,
    look: Look = LIGHT,
    shift: Frame | None = None,
    neighbours: Frame | None = None,
    pictures: Pictures | None = None,
    methods: Sequence[str] | None = None,
    paper: Frame | None = None,
) -> Figure:
    """The poster's figures on one page: both rows of maps, accuracies, ROC and picture rows.

    Args:
        attacks: The `attacks` table.
        points: The `map` table.
        detection: The `detection` table.
        look: Theme, width, source.
        shift: The `shift` table, for a measurement above each map.
        neighbours: The `neighbours` table; without it there are no picture rows.
        pictures: Pictures by id.
        methods: Methods of the maps and picture rows; by default natural, at, alp and tla, or the first four.
        paper: Accuracies to mark on the bars, see `paper_accuracy`.
    """
    known = methods_of(points["method"])
    chosen = list(methods or [name for name in SHOWN if name in known] or known[:4])
    wide = look.width >= 900
    full = replace(look, source="")
    half = replace(full, width=(look.width - GAP) // 2) if wide else full
    bars = accuracy_bars(attacks, look=half, across="methods", paper=paper)
    curves = roc(detection, look=half, parts=("whole",))
    rows: list[list[Figure]] = [
        [one_class(points, look=full, shift=shift, methods=chosen)],
        [two_classes(points, look=full, shift=shift, methods=chosen)],
        *([[bars, curves]] if wide else [[bars], [curves]]),
    ]
    if neighbours is not None:
        rows.append([neighbour_rows(neighbours, look=full, pictures=pictures, methods=chosen)])
    return page(
        rows,
        look,
        title="What an attack does to a network's representation, and what metric learning does against it",
        caption="After the poster of Mao et al., Metric Learning for Adversarial Robustness (NeurIPS 2019); "
        "all data: this study.",
    )
