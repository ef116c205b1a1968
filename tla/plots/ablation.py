"""Accuracy against one setting of the method, such as the size of the negative pool."""

from typing import Any

from tla.plots.bars import bar
from tla.plots.base import Figure, Frame, figure
from tla.plots.sheet import Sheet
from tla.plots.summary import percent, wilson
from tla.plots.theme import LIGHT, Look, attack_label, attacks_of, escape


@figure("ablation", "ablation")
def ablation(table: Frame, *, look: Look = LIGHT, parameter: str | None = None, method: str | None = None) -> Figure:
    """Accuracy under each attack for each value of a setting, with Wilson's 95 % interval.

    Args:
        table: Columns parameter, value, method, seed, attack, eps, accuracy (0..1), n (images).
        look: Theme, width, source.
        parameter: Which setting, by default the first.
        method: Which method, by default tla if there, else the first.
    """
    rows = table.dropna(subset="accuracy")
    if len(rows):
        rows = rows[rows["parameter"] == (rows["parameter"].iloc[0] if parameter is None else parameter)]
        known = rows["method"].unique()
        rows = rows[rows["method"] == (method or ("tla" if "tla" in known else known[0]))]
    means = (
        rows.groupby(["attack", "value"], observed=True)
        .agg(accuracy=("accuracy", "mean"), n=("n", "max"))
        .reset_index()
    )
    bounds = [wilson(row.accuracy, row.n) for row in means.itertuples()]
    means["low"], means["high"] = [b.low for b in bounds], [b.high for b in bounds]
    sheet = Sheet(look, 1, height=320, left=58, foot=50)
    panel = sheet.panels[0]
    for i, attack in enumerate(attacks_of(means["attack"])):
        part = means[means["attack"] == attack].sort_values("value")
        labels = [f"{value:g}" if isinstance(value, int | float) else escape(str(value)) for value in part["value"]]
        sheet.add(panel, bar(part, labels, attack_label(attack), look.ordinal(i), look.shades.soft), key=attack)
    name = escape(str(rows["parameter"].iloc[0])) if len(rows) else "setting"
    sheet.axis(panel, {"title": name, "type": "category"}, {"title": "accuracy (%)"} | _range(means))
    if rows.empty:
        sheet.empty(panel, "no ablation was run")
        return sheet.figure("Ablation: not run", "n = 0.", layout={"barmode": "group"})
    label = look.methods(rows["method"])[str(rows["method"].iloc[0])].label
    worst = means.groupby("value")["accuracy"].min()
    return sheet.figure(
        f"{label} against {name}: best at {worst.idxmax()}, "
        f"{percent(float(worst.max()), 1)} under the strongest attack",
        f"n = {int(means['n'].max())} test images, {rows['seed'].nunique()} seed(s) per value; "
        "whiskers: 95 % interval (Wilson) over the images.",
        layout={"barmode": "group", "bargap": 0.25},
    )


def _range(means: Frame) -> dict[str, list[Any]]:
    """From zero, unless every bar is high and differences would vanish; then the axis says where it begins."""
    return {"range": [0, 104]} if means.empty else {"range": [0, min(104.0, 112 * float(means["high"].max()))]}
