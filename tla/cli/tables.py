"""Tables for the terminal."""

import pandas as pd
from rich.table import Table

from tla.store import Store


def percent(share: float, count: int) -> str:
    """A share with its 95 % Wilson interval's half width: "93.2 ±2.2"."""
    low, high = wilson(share, count)
    return f"{100 * share:5.1f} ±{50 * (high - low):.1f}"


def wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a share of `count` trials."""
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    return centre - half, centre + half


def study_summary(store: Store) -> Table:
    """Accuracy of every method under every attack at the training eps, and under the worst of them per image."""
    frame = store.table("attacks")
    plan = store.manifest()["study"]["attack"]
    frame = frame[(frame.attack == "clean") | (abs(frame.eps - plan["eps"]) < 1e-9)]
    frame = frame[frame.attack.isin(["clean", *plan["suite"]])]
    order = ["clean", *plan["suite"]]
    robust = frame.assign(robust=~frame.success)
    shares = robust.groupby(["method", "attack"]).robust.agg(["mean", "size"])
    worst = robust.groupby(["method", "seed", "id"]).robust.min().groupby("method").agg(["mean", "size"])
    count = int(worst["size"].min())
    title = f"Accuracy in %, {plan['norm']} eps {plan['eps']:g}, n = {count} images x seeds per method, ± 95 % interval"
    table = Table(title=title, title_justify="left")
    table.add_column("method")
    for column in (*order, "worst case"):
        table.add_column(column, justify="right")
    for method in dict.fromkeys(frame.method):
        cells = [percent(*_cell(shares, (method, attack))) for attack in order]
        table.add_row(method, *cells, percent(*_cell(worst, method)))
    return table


def _cell(frame: pd.DataFrame, key: object) -> tuple[float, int]:
    row = frame.loc[key]  # pyright: ignore
    return float(row["mean"]), int(row["size"])
