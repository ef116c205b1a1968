"""One setting at several values: the figure, the numbers, and the paper's figure."""

from html import escape
from typing import Any

import pandas as pd

from tla.messages import radius_text
from tla.plots.ablation import SUMS, ablation, setting_name, value_label, value_means
from tla.plots.base import Frame
from tla.plots.drawing.comparison import MEANING, NO_VERDICT
from tla.plots.drawing.paper import paper_pool
from tla.plots.drawing.theme import attack_label, attacks_of
from tla.plots.drawing.words import percent
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, points, section, share_cell, table
from tla.plots.report.material import Material
from tla.statistics.accuracy import at_eps, worst_case
from tla.statistics.intervals import Interval
from tla.statistics.paired import PairedMean, paired
from tla.statistics.verdicts import adjusted, verdicts

TITLE = "One setting, several values"


def swept(material: Material) -> str:
    """The ablation of each method as figure and table, and the paper's where it has one."""
    rows = material.table("ablation")
    if rows is None:
        return absent("sweep", TITLE, "the sweep", "ablation", "ablation", material.name)
    setting = str(rows["parameter"].iloc[0])
    lead = (
        f"Everything but <code>{escape(setting)}</code> is equal: data order, schedule, attack, seeds, selection on "
        "held-out training images, and the attacked test images."
    )
    parts = []
    for method in rows.loc[rows["value"].notna(), "method"].unique():
        name = f"sweep-{len(parts)}"
        parts.append(
            embedded(name, lambda view, method=method: ablation(rows, look=view, method=method), material.look)
        )
        parts.append(_table(material, rows, str(method)))
    if setting.startswith("method.tla") and setting.endswith(".pool"):
        note = "CIFAR-10, eps 8/255, the paper's network and schedule; numbers from the poster, one training each."
        draw = embedded("paper-pool", lambda view: ablation(paper_pool(), look=view), material.look, note=note)
        parts.append(f"<h3>The same figure in the paper (Mao et al. 2019)</h3>{draw}")
    return section("sweep", TITLE, lead, *parts)


def _table(material: Material, rows: Frame, method: str) -> str:
    """Value by attack, and what each value gains over the first, on the same seeds and images."""
    rows = rows[(rows["method"] == method) | rows["value"].isna()]
    means = value_means(rows, material.look)
    names = ["clean", *(name for name in attacks_of(rows["attack"]) if name not in SUMS), "worst"]
    gains = _gains(material, rows)
    body = []
    for label, part in means.groupby("label", sort=False):
        cells = part.set_index("attack")
        known = [Interval(*cells.loc[name, ["accuracy", "low", "high"]]) for name in names if name in cells.index]
        body.append([f"<b>{label}</b>", *(share_cell(value) for value in known), *gains.get(str(label), ("", "", ""))])
    first = value_label(_varied(rows)["value"].iloc[0])
    head = [escape(setting_name(str(rows["parameter"].iloc[0]))), *(attack_label(name) for name in names)]
    seeds, n = int(means["seeds"].max()), int(means["n"].max())
    over = "trainings and images" if seeds > 1 else f"the images, for these networks. {NO_VERDICT}"
    return table(
        [*head, f"worst case against {first} (points)", "95 % interval", "verdict"],
        body,
        f"This study, n = {n} test images, {seeds} seed{'s' if seeds > 1 else ''}, eps = {radius_text(material.eps)}; "
        f"below each accuracy its 95 % interval. Differences are between the same images; intervals over {over}.",
    )


def _varied(rows: Frame) -> Frame:
    return rows[rows["value"].notna()]


def _gains(material: Material, rows: Frame) -> dict[str, tuple[str, str, str]]:
    """What each value but the first gains over it: points, interval, and the verdict, which allows for their number."""
    attacks: Any = material.table("attacks")
    if attacks is None:
        return {}
    worst = worst_case(at_eps(attacks))
    values = _varied(rows).drop_duplicates("variant")
    first = str(values["variant"].iloc[0])
    found: dict[str, PairedMean] = {}
    bounds: dict[str, str] = {}
    for value, variant in zip(values["value"].iloc[1:], values["variant"].iloc[1:], strict=True):
        label = value_label(value)
        gain = found[label] = paired(worst, str(variant), first)
        bounds[label] = f"{points(gain.both.low)} to {points(gain.both.high)}"
    said = verdicts([gain.value for gain in found.values()], adjusted([gain.p for gain in found.values()]))
    return {
        label: (points(gain.value), bounds[label], MEANING[verdict])
        for (label, gain), verdict in zip(found.items(), said, strict=True)
    }


def sweep_headline(material: Material) -> str:
    """One sentence: what was swept, and the best and the worst value in the worst case."""
    rows = material.table("ablation")
    if rows is None:
        return f"The sweep {escape(material.name)} has not finished."
    worst = _varied(rows)
    worst = worst[worst["attack"] == "worst"]
    means = worst.groupby(["method", "value"], sort=False)["accuracy"].mean()
    (who, best), (other, least) = means.idxmax(), means.idxmin()
    setting = escape(setting_name(str(rows["parameter"].iloc[0])))
    seeds = pd.unique(worst["seed"])
    first, last = value_label(worst["value"].iloc[0]), value_label(worst["value"].iloc[-1])
    top = f"<strong>{material.label(str(who))} has {percent(float(means.max()), 1)} at {value_label(best)}</strong>"
    low = f"{percent(float(means.min()), 1)} at {value_label(least)}{_of(material, who, other)}"
    over = f"{len(seeds)} training{'s' if len(seeds) > 1 else ''} per value"
    end = f". {NO_VERDICT}" if len(seeds) < 2 else "; the table says which differences are shown"
    return f"{setting} from {first} to {last}: in the worst case {top} and {low}, over {over}{end}."


def _of(material: Material, one: Any, other: Any) -> str:
    return "" if one == other else f" ({material.label(str(other))})"
