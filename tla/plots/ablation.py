"""Accuracy against one setting of the method, such as the size of the negative pool."""

from typing import Any

import numpy as np
import pandas as pd

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import bar
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look, attack_label, attacks_of, escape
from tla.plots.drawing.words import percent
from tla.statistics.intervals import student, wilson

SUMS = ("clean", "worst")
"""Rows of the table that are shown only on request, or if there are no others."""


@figure("ablation", "ablation")
def ablation(
    table: Frame,
    *,
    look: Look = LIGHT,
    parameter: str | None = None,
    method: str | None = None,
    attacks: tuple[str, ...] = (),
) -> Figure:
    """Accuracy under each attack for each value of a setting, with a 95 % interval.

    Args:
        table: The `ablation` table: columns parameter, value, method, seed, attack, eps, accuracy (0..1), n (images).
            Rows without a value are other methods, for comparison.
        look: Theme, width, source.
        parameter: Which setting, by default the first.
        method: Which method; by default tla if there is one, else the first.
        attacks: Which attacks, "clean" and "worst" included; by default all but these two.
    """
    rows = table.dropna(subset="accuracy")
    if len(rows):
        rows = rows[rows["parameter"] == (rows["parameter"].iloc[0] if parameter is None else parameter)]
        known = rows.loc[rows["value"].notna(), "method"].unique()
        method = method or ("tla" if "tla" in known else known[0])
        rows = rows[(rows["method"] == method) | rows["value"].isna()]
    shown = attacks or [name for name in rows["attack"].unique() if name not in SUMS] or rows["attack"].unique()
    rows = rows[rows["attack"].isin(list(shown))]
    means = value_means(rows, look)
    sheet = Sheet(look, 1, height=320, left=58, foot=50)
    panel = sheet.panels[0]
    for i, attack in enumerate(attacks_of(means["attack"])):
        part = means[means["attack"] == attack]
        sheet.add(
            panel, bar(part, list(part["label"]), attack_label(attack), look.ordinal(i), look.shades.soft), key=attack
        )
    name = escape(setting_name(str(rows["parameter"].iloc[0]))) if len(rows) else "setting"
    order = list(dict.fromkeys(means["label"]))
    x = {"title": name, "type": "category", "categoryorder": "array", "categoryarray": order}
    sheet.axis(panel, x, {"title": "accuracy (%)"} | _range(means))
    if rows.empty:
        sheet.empty(panel, "no ablation was run")
        return sheet.figure("Ablation: not run", "n = 0.", layout={"barmode": "group"})
    label = look.methods([method])[str(method)].label
    return sheet.figure(_title(means, label, name), _caption(means), layout={"barmode": "group", "bargap": 0.25})


def setting_name(parameter: str) -> str:
    """Label of a setting: "method.tla.lambda_triplet" -> "lambda triplet"."""
    head, _, tail = parameter.partition(".")
    words = tail.partition(".")[2] if head == "method" else tail if head in ("train", "model") else parameter
    return words.replace("_", " ").replace(".", " ")


def value_means(rows: Frame, look: Look) -> Frame:
    """Means over the seeds for each value and attack, other methods first, values in their order.

    Args:
        rows: Rows of the table `ablation` of one method, and those without a value.
        look: Labels the methods.

    Returns:
        Columns attack, label, value, accuracy, low, high (0..1), n (images), seeds. With one seed the interval is
        Wilson's over the images; with several it covers seeds and images: the variance of the seeds' mean plus that
        of a share of n images, with Satterthwaite's degrees of freedom.
    """
    groups = []
    others = rows["value"].isna()
    for (value, method, attack), part in rows.groupby(["value", "method", "attack"], dropna=False, observed=True):
        other = bool(pd.isna(value))
        label = look.methods([method])[str(method)].label if other else value_label(value)
        share, n, seeds = float(part["accuracy"].mean()), int(part["n"].max()), len(part)
        low, high = _bounds(part["accuracy"].to_numpy(float), n)
        groups.append((str(attack), label, value, share, low, high, n, seeds, not other, str(method) if other else ""))
    columns = ["attack", "label", "value", "accuracy", "low", "high", "n", "seeds", "varied", "other"]
    means = pd.DataFrame(groups, columns=columns)
    if others.all() or pd.api.types.is_numeric_dtype(rows["value"]):
        return means.sort_values(["varied", "other", "value"], kind="stable")
    order = {value: i for i, value in enumerate(dict.fromkeys(rows["value"].dropna()))}
    means["place"] = [order.get(value, -1) for value in means["value"]]
    return means.sort_values(["varied", "other", "place"], kind="stable")


def value_label(value: Any) -> str:
    """Label of a setting's value: 250.0 -> "250"."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return f"{value:g}" if number else escape(str(value))


def _bounds(shares: np.ndarray, n: int) -> tuple[float, float]:
    share, seeds = float(shares.mean()), len(shares)
    if seeds < 2:
        interval = wilson(share * n, n)
        return interval.low, interval.high
    by_seed, by_image = float(shares.var(ddof=1)) / seeds, share * (1 - share) / max(n, 1)
    total = by_seed + by_image
    freedom = total**2 / (by_seed**2 / (seeds - 1) + by_image**2 / max(n - 1, 1)) if total > 0 else 1.0
    interval = student(share, total, freedom)
    return max(0.0, interval.low), min(1.0, interval.high)


def _title(means: Frame, label: str, name: str) -> str:
    varied = means[means["varied"]]
    worst = varied.groupby("label", sort=False)["accuracy"].min()
    best, least = str(worst.idxmax()), str(worst.idxmin())
    lowest = varied.loc[varied["label"] == best].nsmallest(1, "accuracy").iloc[0]
    other = varied.loc[varied["label"] == least].nsmallest(1, "accuracy").iloc[0]
    apart = float(lowest["low"]) > float(other["high"])
    values = f"{percent(float(worst.max()), 1)} at {best}, {percent(float(worst.min()), 1)} at {least}"
    once = int(varied["seeds"].max()) < 2
    end = "; one training per value" if once else "" if apart else "; the intervals overlap"
    return f"{label} by {name}: under the strongest attack {values}{end}"


def _caption(means: Frame) -> str:
    seeds, n = int(means["seeds"].max()), int(means["n"].max())
    over = "the images (Wilson)" if seeds < 2 else "trainings and images (Student's t)"
    return (
        f"n = {n} test images, {seeds} seed{'s' if seeds > 1 else ''} per value; whiskers: 95 % interval over {over}."
    )


def _range(means: Frame) -> dict[str, list[Any]]:
    """From zero to a little above the highest whisker."""
    return {"range": [0, 104]} if means.empty else {"range": [0, min(104.0, 112 * float(means["high"].max()))]}
