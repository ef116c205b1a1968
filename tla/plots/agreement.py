"""Two models on the same images: both right, only one of them, neither."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.comparison import deciding
from tla.plots.drawing.heatmap import PLAIN, heatmap
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look, attack_label, methods_of
from tla.plots.drawing.words import number
from tla.statistics.accuracy import at_eps, main_eps, worst_case
from tla.statistics.exact import mcnemar


class SharedOutcomes(NamedTuple):
    """Which images each of two models gets right.

    Attributes:
        ids: Image ids, shape (n,).
        one: True where the first model is right, shape (n,).
        other: True where the second model is right, shape (n,).
    """

    ids: np.ndarray
    one: np.ndarray
    other: np.ndarray

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """Image ids by who is right: "both", "one", "other", "neither"."""
        one, other = self.one, self.other
        masks = {"both": one & other, "one": one & ~other, "other": ~one & other, "neither": ~one & ~other}
        return {name: self.ids[mask] for name, mask in masks.items()}


@figure("agreement", "attacks")
def agreement(
    attacks: Frame,
    *,
    look: Look = LIGHT,
    one: str | None = None,
    other: str | None = None,
    attack: str = "worst",
    eps: float | int | None = None,
    seed: int | None = None,
) -> Figure:
    """Images that two models get right: both, only one, only the other, neither; with McNemar's exact test.

    Args:
        attacks: The `attacks` table.
        look: Theme, width, source.
        one: A method; by default at if there is one, else the first.
        other: Another; by default tla if there is one, else the last.
        attack: Under which attack, "clean", or "worst": right only if no attack fools the model.
        eps: Which eps; by default the one at which most attacks were run.
        seed: The smallest by default.
    """
    one, other = default_pair(attacks, one, other)
    eps = main_eps(attacks) if eps is None else eps
    outcomes = shared_outcomes(attacks, one, other, attack=attack, eps=eps, seed=seed)
    styles = look.methods([one, other])
    a, b = styles[one].label, styles[other].label
    n, count = len(outcomes.ids), {name: len(ids) for name, ids in outcomes.groups.items()}
    counts = np.array([[count["both"], count["one"]], [count["other"], count["neither"]]], dtype=float)
    shares = 100 * counts / max(n, 1)
    text = [[f"{int(counts[i, j])} ({shares[i, j]:.0f} %)" for j in range(2)] for i in range(2)]
    sheet = Sheet(look, 1, height=132, left=128, foot=38)
    x, y = [f"{b} right", f"{b} wrong"], [f"{a} right", f"{a} wrong"]
    sheet.add(sheet.panels[0], heatmap(shares, text, x, y, look, top=100, hover="%{y}, %{x}: %{text}"))
    axis = PLAIN | {"automargin": False}
    sheet.axis(sheet.panels[0], axis, axis | {"autorange": "reversed"})
    under = {"worst": "under the worst attack", "clean": "on clean images"}.get(attack, f"under {attack_label(attack)}")
    p = mcnemar(count["one"], count["other"])
    size = f"; eps = {radius_text(eps)}" if attack != "clean" else ""
    return sheet.figure(
        _title(a, b, count, n, under),
        f"n = {n} test images{size}. McNemar's exact test, two-sided: p = {number(p, 2)}, for these two networks. "
        f"{deciding([one, other])}.",
    )


def default_pair(attacks: Frame, one: str | None = None, other: str | None = None) -> tuple[str, str]:
    """Two methods to compare: those given, AT and TLA by default if the table has them."""
    names = methods_of(attacks["method"]) or ["at", "tla"]
    one = one or next((name for name in ("at", names[0]) if name in names and name != other), names[0])
    rest = [name for name in names if name != one] or [one]
    return one, other or next(name for name in ("tla", "at", rest[-1]) if name in rest)


def shared_outcomes(
    attacks: Frame, one: str, other: str, *, attack: str, eps: float | int | None = None, seed: int | None = None
) -> SharedOutcomes:
    """Which images each of two models gets right, of those that both were evaluated on.

    Args:
        attacks: The `attacks` table.
        one: A method.
        other: Another.
        attack: Name of an attack, "clean", or "worst".
        eps: Which eps; by default the one at which most attacks were run.
        seed: The smallest by default.
    """
    rows = at_eps(attacks, eps)
    if len(rows):
        rows = rows[rows["seed"] == (rows["seed"].min() if seed is None else seed)]
    rows = worst_case(rows) if attack == "worst" and len(rows) else rows[rows["attack"] == attack]
    right = [~rows.loc[rows["method"] == name].set_index("id")["success"].astype(bool) for name in (one, other)]
    both = pd.concat([part[~part.index.duplicated()] for part in right], axis=1, join="inner").sort_index()
    return SharedOutcomes(both.index.to_numpy(), *(both.iloc[:, i].to_numpy(bool) for i in (0, 1)))


def _title(a: str, b: str, count: dict[str, int], n: int, under: str) -> str:
    if not n:
        return f"{a} and {b}: no image in common"
    apart = count["one"] + count["other"]
    if not apart:
        return f"This {a} and this {b} agree on every image {under}"
    return (
        f"This {a} and this {b} disagree on {apart} of {n} images {under}: {count['one']} only {a}, "
        f"{count['other']} only {b}"
    )
