"""Accuracy under each attack, a bar per method with its interval, the paper's number as a mark."""

from typing import Literal

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import bar
from tla.plots.drawing.sheet import Sheet, text_width
from tla.plots.drawing.theme import LIGHT, Look, attack_label, attacks_of
from tla.plots.drawing.words import spread, trainings
from tla.statistics.accuracy import CLEAN, OUTCOMES, WORST, accuracy, accuracy_and_worst, at_eps, main_eps, worst_case
from tla.statistics.leading import accuracy_intervals

GROUPED = {"barmode": "group", "scattermode": "group", "bargap": 0.18, "scattergap": 0.18, "bargroupgap": 0.04}


@figure("accuracy_bars", "attacks")
def accuracy_bars(
    attacks: Frame,
    *,
    look: Look = LIGHT,
    eps: float | int | None = None,
    across: Literal["attacks", "methods"] = "attacks",
    worst: bool = True,
    paper: Frame | None = None,
) -> Figure:
    """Accuracy of every method under every attack with Wilson's 95 % interval over the images.

    Args:
        attacks: The `attacks` table.
        look: Theme, width, source.
        eps: Which eps; by default the one at which most attacks were run.
        across: Categories of the x axis: attacks (a bar per method) or methods (a bar per attack, as on the poster).
        worst: Add the worst case: right only if no attack fools the model.
        paper: Accuracies to mark, see `paper_accuracy`: columns method, attack, accuracy.
    """
    eps = main_eps(attacks) if eps is None else eps
    rows = at_eps(attacks[OUTCOMES], eps)
    table = accuracy_and_worst(rows) if worst else accuracy(rows)
    styles = look.methods(table["method"])
    names = attacks_of(table["attack"])
    places = {name: attack_label(name) for name in names}
    if across == "methods":
        places = {key: style.label for key, style in styles.items()}
    room = (look.width - 72) / max(len(places), 1)
    slanted = any(text_width(label, 12) > room for label in places.values())
    height = 360 if look.width >= 900 else 300
    sheet = Sheet(look, 1, height=height, left=58, foot=72 if slanted else 34)
    panel = sheet.panels[0]
    if across == "attacks":
        groups = [(key, style.label, style.colour) for key, style in styles.items()]
        by, along = "method", "attack"
    else:
        groups = [(name, attack_label(name), look.ordinal(i)) for i, name in enumerate(names)]
        by, along = "attack", "method"
    for key, label, colour in groups:
        part = table[table[by] == key]
        at = [str(place) for place in part[along]]
        part = part.iloc[sorted(range(len(at)), key=lambda i: list(places).index(at[i]))]
        at = [place for place in places if place in at]
        trace = bar(part, [places[place] for place in at], label, colour, look.shades.soft)
        trace["customdata"] = part[["n", "method", "attack"]].astype(object).to_numpy().tolist()
        trace["hovertemplate"] = trace["hovertemplate"].replace("customdata}", "customdata[0]}")
        sheet.add(panel, trace, key=key)
        _marks(sheet, paper, by, key, along, at, places)
    order = {"type": "category", "categoryorder": "array", "categoryarray": list(places.values())}
    sheet.axis(panel, order | {"tickangle": -55 if slanted else 0, "automargin": False})
    sheet.axis(panel, None, {"title": "accuracy (%)", "range": [0, 104]})
    if table.empty:
        sheet.empty(panel, "nothing was attacked")
    return sheet.figure(_title(rows, table, look), _caption(table, eps, paper), layout=GROUPED)


def _marks(sheet: Sheet, paper: Frame | None, by: str, key: str, along: str, at: list[str], places: dict) -> None:
    if paper is None or paper.empty:
        return
    rows = paper[(paper[by] == key) & paper[along].isin(at)].set_index(along)
    marked = [place for place in at if place in rows.index]
    if not marked:
        return
    trace = {
        "type": "scatter", "mode": "markers", "name": "paper", "offsetgroup": key,
        "x": [places[place] for place in marked], "y": 100 * rows.loc[marked, "accuracy"].to_numpy(float),
        "marker": {"symbol": "line-ew-open", "size": 11, "color": sheet.look.shades.ink, "line": {"width": 2}},
        "hovertemplate": "paper, %{x}: %{y:.2f} %<extra></extra>",
    }  # fmt: skip
    sheet.traces[-1]["offsetgroup"] = key
    sheet.add(sheet.panels[0], trace, key="paper")


def _title(rows: Frame, table: Frame, look: Look) -> str:
    if not (table["attack"] != CLEAN).any():
        return "Accuracy on clean images; nothing was attacked"
    labels = {name: style.label for name, style in look.methods(table["method"]).items()}
    attacked = worst_case(rows[rows["attack"] != CLEAN]) if WORST not in set(table["attack"]) else worst_case(rows)
    return f"Accuracy under attack: {spread(accuracy_intervals(attacked), labels)} in the worst case"


def _caption(table: Frame, eps: float | int, paper: Frame | None) -> str:
    if table.empty:
        return "n = 0."
    n, seeds = int(table["n"].max()), int(table["seeds"].max())
    marks = " Dashes: as reported by Mao et al. 2019." if paper is not None and len(paper) else ""
    return (
        f"n = {n} test images, {trainings(seeds)}, eps = {radius_text(eps)}; "
        f"whiskers: 95 % interval (Wilson) over the images; worst case: no attack fools the model.{marks}"
    )
