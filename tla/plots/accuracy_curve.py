"""Accuracy against the attack's budget."""

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import band, line
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look, attack_label
from tla.plots.drawing.words import spread, trainings
from tla.statistics.accuracy import accuracy
from tla.statistics.leading import accuracy_intervals


@figure("accuracy_curve", "attacks")
def accuracy_curve(attacks: Frame, *, look: Look = LIGHT, attack: str | None = None) -> Figure:
    """Accuracy of every method against eps under one attack, starting at the clean accuracy (eps 0).

    Args:
        attacks: The `attacks` table.
        look: Theme, width, source.
        attack: Which attack; by default the one run at the largest number of eps.
    """
    attack = _most_eps(attacks) if attack is None else attack
    table = accuracy(attacks[attacks["attack"].isin(["clean", attack])]).sort_values("eps")
    styles = look.methods(table["method"])
    sheet = Sheet(look, 1, height=340, left=58, foot=50)
    panel = sheet.panels[0]
    for method, style in styles.items():
        rows = table[table["method"] == method]
        x = rows["eps"].to_numpy(float)
        sheet.add(panel, band(x, 100 * rows["low"], 100 * rows["high"], style.colour))
        sheet.add(panel, line(x, 100 * rows["accuracy"], style), key=method)
    sheet.axis(panel, {"title": "eps", "rangemode": "tozero"}, {"title": "accuracy (%)", "range": [0, 104]})
    if table.empty:
        sheet.empty(panel, "nothing was attacked")
    last = attacks[(attacks["attack"] == attack) & (attacks["eps"] == table["eps"].max())]
    end = spread(accuracy_intervals(last), {name: style.label for name, style in styles.items()})
    n, seeds = (int(table[name].max()) if len(table) else 0 for name in ("n", "seeds"))
    return sheet.figure(
        f"Accuracy against eps under {attack_label(attack)}: {end} at the largest",
        f"n = {n} test images per point, {trainings(seeds)}; bands: 95 % interval (Wilson) over the images. "
        "eps in units of pixels in [0, 1].",
    )


def _most_eps(attacks: Frame) -> str:
    attacked = attacks[attacks["attack"] != "clean"]
    if attacked.empty:
        return "clean"
    counts = attacked.groupby("attack", observed=True)["eps"].nunique()
    return str(counts.idxmax())
