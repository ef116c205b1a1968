"""Tables for the terminal."""

from typing import Any

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from tla.messages import radius_text
from tla.plots.drawing.words import trainings
from tla.statistics.accuracy import WORST, accuracy_and_worst
from tla.store import Store

LABELS = {WORST: "worst case"}
MOST_OF_A_NAME = 12
"""Characters of a method's name that stay in a line, however narrow the terminal is."""


def study_summary(store: Store, width: int) -> Group:
    """Accuracy of every method under every attack at the study's eps, and in the worst case per image.

    Args:
        store: The study.
        width: Of the terminal; a method is a row if its row fits there, else a column.
    """
    frame: Any = store.table("attacks")
    plan = store.manifest()["study"]["attack"]
    suite = [label for label in dict.fromkeys(frame.attack) if label == "clean" or label in plan["suite"]]
    here = frame[frame.attack.isin(suite) & ((frame.attack == "clean") | np.isclose(frame.eps, plan["eps"]))]
    summary = accuracy_and_worst(here)
    count, seeds = int(summary.n.max()), int(summary.seeds.max())
    title = (
        f"Accuracy in %, {plan['norm']} eps {radius_text(plan['eps'])}, {trainings(seeds)}, n = {count} images, "
        "± 95 % interval over them"
    )
    cells: Any = summary.set_index(["method", "attack"])
    methods, attacks = list(dict.fromkeys(here.method)), (*suite, WORST)
    rows = [["method", *(LABELS.get(attack, attack) for attack in attacks)]]
    rows += [[str(method), *(percent(cells.loc[method, attack]) for attack in attacks)] for method in methods]
    if sum(2 + max(map(len, column)) for column in zip(*rows, strict=True)) > width:
        rows = [list(row) for row in zip(*rows, strict=True)]
        rows[0][0] = "attack"
    table = Table(box=None, padding=(0, 1))
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number else "left", no_wrap=not number)
    for row in rows[1:]:
        table.add_row(*row)
    return _titled(title, table)


def _titled(title: str, table: Table) -> Group:
    """A table under its title, which is as wide as the terminal: rich's own is broken at the table's width."""
    return Group(Text(title, style="table.title"), table)


def paired_summary(store: Store) -> list[Any]:
    """Worst-case accuracy of every method against AT's, and what that decides; empty if there is nothing to compare."""
    from tla.plots.drawing.comparison import found, no_verdict
    from tla.statistics.leading import training_spread
    from tla.statistics.paired import paired_differences

    frame: Any = store.table("attacks")
    methods = list(dict.fromkeys(frame.method))
    base = "at" if "at" in methods else methods[0]
    pairs: Any = paired_differences(frame, base)
    if pairs.empty:
        return []
    if int(pairs.seeds.min()) < 2:
        return [_networks(pairs, base), f"{no_verdict(methods)}."]
    return [_methods(pairs, base), found(pairs, training_spread(frame))]


def _networks(pairs: Any, base: str) -> Group:
    """One training each: these networks, image by image."""
    title = f"These networks against this {base}, worst case"
    table = Table(box=None, padding=(0, 1))
    table.add_column("method", overflow="fold")
    for name in (f"keeps, {base} loses", f"loses, {base} keeps", "difference"):
        table.add_column(name, justify="right")
    for row in pairs.itertuples():
        table.add_row(str(row.method), f"{row.gained:.0f}", f"{row.lost:.0f}", f"{100 * row.difference:+.1f}")
    return _titled(title, table)


def _methods(pairs: Any, base: str) -> Group:
    """Several trainings: a verdict about each method."""
    from tla.plots.drawing.comparison import MEANING

    seeds, n = int(pairs.seeds.min()), int(pairs.n.max())
    title = f"Worst case minus that of {base} (points), {seeds} trainings, n = {n} images"
    table = Table(box=None, padding=(0, 1))
    table.add_column("method", overflow="fold", min_width=min(MOST_OF_A_NAME, max(map(len, pairs.method))))
    table.add_column("difference", justify="right", min_width=10, no_wrap=True)
    table.add_column("95 % interval", justify="right", min_width=14, no_wrap=True)
    table.add_column("verdict", min_width=10)
    for row in pairs.itertuples():
        bounds = f"{100 * row.low:+.1f} .. {100 * row.high:+.1f}"
        table.add_row(str(row.method), f"{100 * row.difference:+.1f}", bounds, MEANING[row.verdict])
    return _titled(title, table)


def audit_line(store: Store) -> str:
    """Whether the accuracies are to be believed, coloured; with the command that shows more."""
    from tla.plots.drawing.believed import believed

    said = believed(store.table("audit") if store.has_table("audit") else None)
    colour = {"FAIL": "bold red", "WARN": "yellow", "OK": "green"}.get(said.word, "yellow")
    more = "" if said.word == "OK" else f"; see the report, or: tla audit {store.path}"
    return f"[{colour}]{said.text}[/]{more}."


def percent(row: Any) -> str:
    """An accuracy in % with the half-width of its interval: "93.2 ±2"."""
    return f"{100 * row.accuracy:.1f} ±{50 * (row.high - row.low):.0f}"


def attack_summary(frame: Any, title: str) -> Group:
    """One row per attack and eps: accuracy with interval, forward passes per image, seconds."""
    table = Table(box=None, padding=(0, 1))
    for column in ("attack", "eps", "accuracy %", "95 % interval", "n", "queries / image", "seconds"):
        whole = column in ("attack", "eps", "95 % interval")
        table.add_column(column, justify="left" if column == "attack" else "right", no_wrap=whole)
    for row in frame.itertuples():
        seconds = "" if np.isnan(row.seconds) else f"{row.seconds:.{1 if row.seconds < 100 else 0}f}"
        interval = f"{100 * row.low:.1f} .. {100 * row.high:.1f}"
        cells = (radius_text(row.eps), f"{100 * row.accuracy:.1f}", interval, str(row.n), f"{row.queries:.0f}", seconds)
        table.add_row(LABELS.get(row.attack, str(row.attack)), *cells, style="bold" if row.attack == WORST else "")
    return _titled(title, table)


def condition_summary(store: Store) -> Group:
    """A study of embeddings: a row for every model and condition."""
    from tla.plots.drawing.scores import detector_label, detectors_of
    from tla.statistics.conditions import condition_frame

    shift, near, found, scores = (
        store.table(name) if store.has_table(name) else None
        for name in ("shift", "neighbours", "retrieval", "detection")
    )
    assert shift is not None
    assert near is not None
    detector = "" if scores is None else detectors_of(scores)[0]
    frame: Any = condition_frame(shift, near, found, scores, detector)
    count = len(shift["id"].unique())
    names = {"angle": "angle (°)", "accuracy": "right %", "recall_1": "recall@1 %", "map_at_r": "MAP@R %"}
    names |= {"auc": f"AUC, {detector_label(detector).removeprefix('the ')}"} if detector else {}
    title = f"Every condition, n = {count} images, ± 95 % interval over them (angle: median)"
    table = Table(box=None, padding=(0, 1))
    for number, column in enumerate(("model", "condition", *names.values())):
        table.add_column(column, justify="left" if number < 2 else "right")
    for (method, condition), rows in frame.groupby(["method", "condition"], sort=False):
        values = rows.set_index("measure")
        table.add_row(method, condition, *(_bounds(values.loc[name], name) for name in names))
    return _titled(title, table)


def _bounds(row: Any, measure: str) -> str:
    """A value with the half-width of its interval, in per cent for shares: "93.2 ±3"; empty if it was not measured."""
    if not np.isfinite(row.value):
        return ""
    scale, digits, rest = {"angle": (1, 1, 1), "auc": (1, 3, 3)}.get(measure, (100, 1, 0))
    half = f" ±{scale * (row.high - row.low) / 2:.{rest}f}" if np.isfinite(row.low) else ""
    return f"{scale * row.value:.{digits}f}{half}"
