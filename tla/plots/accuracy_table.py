"""Every method under every attack, as a table of coloured cells."""

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.heatmap import PLAIN, heatmap
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look, attack_label, attacks_of
from tla.plots.drawing.words import spread, trainings
from tla.statistics.accuracy import OUTCOMES, accuracy_and_worst, at_eps, main_eps, worst_case
from tla.statistics.leading import accuracy_intervals


@figure("accuracy_table", "attacks")
def accuracy_table(attacks: Frame, *, look: Look = LIGHT, eps: float | int | None = None) -> Figure:
    """Accuracy of every method under every attack and in the worst case, each with the half-width of its 95 % interval.

    Args:
        attacks: The `attacks` table.
        look: Theme, width, source.
        eps: Which eps; by default the one at which most attacks were run.
    """
    rows, wide = at_eps(attacks[OUTCOMES], eps), look.width >= 900
    table = accuracy_and_worst(rows)
    styles = look.methods(table["method"])
    names = attacks_of(table["attack"])
    values = np.full((len(styles), len(names)), np.nan)
    text = [[""] * len(names) for _ in styles]
    for cell in table.itertuples():
        i, j = list(styles).index(cell.method), names.index(cell.attack)
        values[i, j] = 100 * cell.accuracy
        half = 50 * (cell.high - cell.low)
        text[i][j] = f"{values[i, j]:.1f}" + (f" ± {half:.1f}" if wide else "")
    sheet = Sheet(look, 1, height=max(60, 34 * len(styles)), left=84, foot=10, head=26 if wide else 40)
    panel = sheet.panels[0]
    hover = "%{y}, %{x}: %{text} %"
    columns = [attack_label(name) for name in names]
    if not wide:
        columns = [name.replace(" ", "<br>") for name in columns]
    labels = [style.label for style in styles.values()]
    sheet.add(panel, heatmap(values, text, columns, labels, look, top=100, hover=hover))
    sheet.axis(panel, PLAIN | {"side": "top"}, PLAIN | {"autorange": "reversed"})
    if table.empty:
        sheet.empty(panel, "nothing was attacked")
    worst = accuracy_intervals(worst_case(rows)) if len(rows) else {}
    n, seeds = (int(table[name].max()) if len(table) else 0 for name in ("n", "seeds"))
    return sheet.figure(
        f"Accuracy in per cent: {spread(worst, {key: style.label for key, style in styles.items()})} in the worst case",
        f"n = {n} test images, {trainings(seeds)}; eps = {radius_text(main_eps(attacks) if eps is None else eps)}; "
        f"{'±: half-width of the 95 % interval (Wilson) over the images; ' if wide else ''}"
        "worst case: right only if no attack fools the model.",
    )
