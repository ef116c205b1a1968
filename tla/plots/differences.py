"""Every method against one of them: paired differences, training by training."""

from typing import Any

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.comparison import found, no_verdict
from tla.plots.drawing.sheet import Sheet, wrap
from tla.plots.drawing.theme import LIGHT, Look, attack_label
from tla.plots.drawing.words import ends, signed
from tla.statistics.intervals import Interval
from tla.statistics.leading import training_spread
from tla.statistics.paired import paired_differences
from tla.statistics.verdicts import NOT_SHOWN, ONE_TRAINING


@figure("differences", "attacks")
def differences(attacks: Frame, *, look: Look = LIGHT, base: str | None = None, attack: str = "worst") -> Figure:
    """Difference of accuracies to one method, a dot per training seed, with its interval over seeds and images.

    Args:
        attacks: The `attacks` table.
        look: Theme, width, source.
        base: The method that the others are compared with; by default at if there is one, else the first.
        attack: Under which attack, "clean", or "worst": right only if no attack fools the model.
    """
    styles = look.methods(attacks["method"])
    base = base or ("at" if "at" in styles else next(iter(styles), "at"))
    table = paired_differences(attacks, base, attack).set_index("method")
    names = [name for name in styles if name in table.index]
    sheet = Sheet(look, 1, height=70 + 38 * max(len(names), 1), left=150, foot=50)
    panel = sheet.panels[0]
    for place, name in enumerate(names):
        row, style = table.loc[name], styles[name]
        each = 100 * np.asarray(row["per_seed"])
        if len(each) > 1:
            sheet.add(panel, _dots(each, place, style.colour, look), key="seeds")
        sheet.add(panel, _mean(row, place, style.label, style.colour))
    labels = [wrap(styles[name].label, 140, 12) for name in names]
    y = {"tickvals": list(range(len(names))), "ticktext": labels, "range": [len(names) - 0.4, -0.6], "showgrid": False}
    under = {"worst": "the worst attack", "clean": "no attack"}.get(attack, attack_label(attack))
    title = f"accuracy under {under} minus that of {styles[base].label if base in styles else base} (points)"
    sheet.axis(panel, {"title": title, "zeroline": True, "zerolinecolor": look.shades.ink}, y | {"automargin": False})
    if not names:
        sheet.empty(panel, "nothing to compare")
    spread = training_spread(attacks, attack) if names else float("nan")
    labels = {name: style.label for name, style in styles.items()}
    return sheet.figure(_title(table, labels, base), _caption(table, spread))


def _dots(each: np.ndarray, place: int, colour: str, look: Look) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "name": "one training seed",
        "x": each.astype(np.float32), "y": np.full(len(each), place + 0.24),
        "marker": {"color": colour, "size": 7, "symbol": "circle-open", "line": {"width": 1.5}},
        "hovertemplate": "one seed: %{x:+.1f} points<extra></extra>",
    }  # fmt: skip


def _mean(row: Any, place: int, label: str, colour: str) -> dict[str, Any]:
    value, low, high = (100 * float(row[name]) for name in ("difference", "low", "high"))
    error = {"type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low]}
    known = np.isfinite([value, low, high]).all()
    return {
        "type": "scatter", "mode": "markers", "name": label,
        "x": [value] if known else [], "y": [place] if known else [],
        "marker": {"color": colour, "size": 10, "symbol": "diamond"},
        "error_x": (error if known else {}) | {"color": colour, "thickness": 2, "width": 6},
        "hovertemplate": f"{label}: %{{x:+.1f}} points<extra></extra>",
    }  # fmt: skip


def _title(table: Frame, labels: dict[str, str], base: str) -> str:
    against = labels.get(base, base)
    if table.empty:
        return "Differences between methods: nothing to compare"
    if (table["verdict"] == ONE_TRAINING).any():
        gains = {str(name): Interval(*row) for name, row in table[["difference", "low", "high"]].iterrows()}
        return (
            f"These networks minus this {against}, in points: {ends(gains, labels, _points)}; one training, no verdict"
        )
    sure = table[table["verdict"] != NOT_SHOWN]
    if sure.empty:
        return f"No method is shown to differ from {against}"
    words = [f"{labels[str(name)]} {signed(100 * float(row['difference']))}" for name, row in sure.iterrows()]
    return f"Beyond chance, against {against}: {', '.join(words)} points"


def _points(gain: float) -> str:
    return signed(100 * gain)


def _caption(table: Frame, spread: float) -> str:
    if table.empty:
        return "n = 0."
    seeds, n = int(table["seeds"].max()), int(table["n"].max())
    if seeds < 2:
        bars = "95 % interval for these networks, paired bootstrap over the images"
        return f"n = {n} test images; bars: {bars}. {no_verdict([*table.index, *table['base']])}."
    return (
        f"n = {n} test images, {seeds} trainings of each method; bars: 95 % interval over trainings and images "
        f"together (two-way layout, Student's t). {found(table, spread)}"
    )
