"""Tables for the terminal."""

from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from tla.attacks import summarise
from tla.attacks.summary import WORST
from tla.store import Store


def study_summary(store: Store) -> Table:
    """Accuracy of every method under every attack at the training eps, and under the worst of them per image."""
    frame: Any = store.table("attacks")
    plan = store.manifest()["study"]["attack"]
    suite = [label for label in dict.fromkeys(frame.attack) if label == "clean" or label in plan["suite"]]
    here = frame[frame.attack.isin(suite) & ((frame.attack == "clean") | np.isclose(frame.eps, plan["eps"]))]
    summary = pooled(summarise(here))
    count = int(summary.n.max())
    title = f"Accuracy in %, {plan['norm']} eps {plan['eps']:g}, n = {count} images x seeds per method, ± 95 % interval"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    table.add_column("method", no_wrap=True)
    for column in (*suite, WORST):
        table.add_column(column, justify="right")
    for method, rows in summary.groupby("method", sort=False):
        cells = rows.set_index("attack")
        table.add_row(str(method), *(percent(cells.loc[attack]) for attack in (*suite, WORST)))
    return table


def pooled(summary: Any) -> pd.DataFrame:
    """A summary per method and seed as one per method: images of all seeds count together."""
    from tla.attacks import wilson

    rows = []
    for (method, attack), group in summary.groupby(["method", "attack"], sort=False):
        n, hits = int(group.n.sum()), round(float((group.accuracy * group.n).sum()))
        low, high = wilson(hits, n)
        rows.append({"method": method, "attack": attack, "n": n, "accuracy": hits / n, "low": low, "high": high})
    return pd.DataFrame(rows)


def percent(row: Any) -> str:
    """An accuracy with half the width of its interval: "93.2 ±2"."""
    return f"{100 * row.accuracy:.1f} ±{50 * (row.high - row.low):.0f}"


def attack_summary(frame: Any, title: str) -> Table:
    """One row per attack and eps: accuracy with interval, forward passes per image, seconds."""
    table = Table(title=title, title_justify="left")
    for column in ("attack", "eps", "accuracy %", "95 % interval", "n", "queries / image", "seconds"):
        table.add_column(column, justify="left" if column == "attack" else "right")
    for row in frame.itertuples():
        seconds = "" if np.isnan(row.seconds) else f"{row.seconds:.1f}"
        interval = f"{100 * row.low:.1f} .. {100 * row.high:.1f}"
        cells = (f"{row.eps:.4g}", f"{100 * row.accuracy:.1f}", interval, str(row.n), f"{row.queries:.0f}", seconds)
        table.add_row(str(row.attack), *cells, style="bold" if row.attack == WORST else "")
    return table
