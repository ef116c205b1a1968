"""The interval of an AUC is the same number in notebook, figure, report and dashboard."""

import json
import re

from tla.plots import draw
from tla.plots.report.detected import detected
from tla.plots.report.material import Material
from tla.statistics import auc_frame
from tla.store import Store

CELL = re.compile(r"<td[^>]*>([\d.]+)<small>([\d.]+) to ([\d.]+)</small>")
LEGEND = re.compile(r"([\d.]+) \[([\d.]+), ([\d.]+)\]")


def three(words):
    """The area and its bounds of every legend entry that has them."""
    found = (LEGEND.search(word or "") for word in words)
    return {match.groups() for match in found if match}


def test_an_auc_is_the_same_everywhere(studies, open_page):
    store = Store(studies / "made")
    table = store.table("detection")
    detector, eps = "gaussian", float(table["eps"].max())
    rows = table[(table["detector"] == detector) & (table["eps"] == eps) & ~table["adaptive"] & (table["seed"] == 0)]
    areas = auc_frame(rows).dropna(subset="auc")
    expected = {tuple(f"{row[name]:.3f}" for name in ("auc", "auc_low", "auc_high")) for _, row in areas.iterrows()}
    assert len(expected) >= 2
    figure = draw("roc", store, detector=detector, eps=eps)
    assert three(trace.name for trace in figure.data) == expected

    app = open_page("detection", detector=detector, detection_eps=f"{eps:g}")
    charts = [json.loads(element.proto.spec) for element in app.get("plotly_chart")]
    names = [trace.get("name") for chart in charts for trace in chart["data"]]
    assert expected <= three(names)

    report = {match.groups() for match in CELL.finditer(detected(Material(store)))}
    assert expected <= report
