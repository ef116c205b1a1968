"""The images behind a bar, what the paper reports beside it, and what the audit found, in words."""

from html import unescape
from typing import NamedTuple

from board.selection.shared import Frame, of_run
from board.studies import View
from tla.plots.drawing.paper import against_paper
from tla.plots.drawing.theme import attack_label, attacks_of
from tla.statistics.accuracy import CLEAN, WORST, at_eps, main_eps


class TurnedImages(NamedTuple):
    """The images that an attack turned, for one model.

    Attributes:
        rows: Of the table `attacks`, one per image; of several attacks, the main one's comes first.
        right: How many images the model gets right without an attack; of clean images, how many there are.
    """

    rows: Frame
    right: int


def turned(view: View, method: str, seed: int, attack: str) -> TurnedImages:
    """The images that a model gets right, but not under an attack; under "clean" those it gets wrong.

    Args:
        view: The study.
        method: Whose model.
        seed: Its training seed.
        attack: Label of the attack; "worst" for any.
    """
    rows = of_run(view.table("attacks"), seed, [method])
    rows = at_eps(rows, main_eps(view.table("attacks")))
    if attack == CLEAN:
        clean = rows.loc[rows["attack"] == CLEAN]
        return TurnedImages(clean.loc[clean["success"].astype(bool)], len(clean))
    rows = rows.loc[rows["attack"] != CLEAN if attack == WORST else rows["attack"] == attack]
    right = rows.loc[rows["clean_prediction"] == rows["y"]]
    fooled = right.loc[right["success"].astype(bool)]
    first = fooled.assign(other=fooled["attack"] != view.main).sort_values(["other", "id"], kind="stable")
    return TurnedImages(first.drop_duplicates("id").sort_values("id"), int(right["id"].nunique()))


def beside_paper(view: View, attacks: Frame) -> Frame:
    """Paper, ours and difference in per cent, three rows per method and a column per attack; empty without a match.

    Args:
        view: The study.
        attacks: Rows of its table `attacks`.
    """
    suite = view.manifest.get("study", {}).get("attack", {}).get("suite")
    found = against_paper(attacks, str(view.manifest.get("data", {}).get("name", "")), view.norm, suite)
    if found.empty:
        return found
    half = 50 * (found["high"] - found["low"])
    said = {
        "paper": [f"{100 * p:.2f}" if sure else f"({100 * p:.2f})" for p, sure in found[["paper", "confirmed"]].values],
        "ours": [f"{100 * o:.1f} ± {h:.1f}" for o, h in zip(found["ours"], half, strict=True)],
        "difference": [f"{100 * d:+.1f}" for d in found["difference"]],
    }
    rows = found.assign(**said).melt(["method", "attack"], list(said), "what", "value")
    table = rows.pivot(index=["method", "what"], columns="attack", values="value")
    order = [(method, what) for method in view.methods if method in set(found["method"]) for what in said]
    table = table.reindex(index=order, columns=attacks_of(found["attack"])).fillna("")
    return table.rename(columns=lambda name: unescape(attack_label(name)))
