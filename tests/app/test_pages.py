"""Every page runs, on nothing, on half a study and on a whole one, and says what it shows."""

import importlib
import json
import shutil

import pandas as pd
import pytest
from dashboard import PAGES, make_study

from tla.store import Store

HEADINGS = {
    "ablations.py": "Ablations",
    "attack.py": "Attack lab",
    "compare.py": "Compare two models",
    "data.py": "Data & runs",
    "detection.py": "Detection",
    "export.py": "Figures",
    "neighbours.py": "Neighbours",
    "playground.py": "Triplet playground",
    "robustness.py": "Robustness",
    "shift.py": "Shift",
    "tour.py": "Representation under attack",
    "trajectory.py": "Trajectory",
}
CHARTS = {
    "ablations.py": ["ablation"],
    "compare.py": ["agreement", "differences"],
    "data.py": ["history"],
    "detection.py": ["roc", "score_histograms"],
    "export.py": ["export"],
    "neighbours.py": ["purity"],
    "robustness.py": ["bars", "table", "curve", "steps", "confused", "audit"],
    "shift.py": ["shift_map", "shift_measures"],
    "tour.py": ["tour_image"],
    "trajectory.py": ["trajectory"],
}


def charts(app):
    """Specification of every chart, by its key."""
    found = {}
    for element in app.get("plotly_chart"):
        key = element.proto.id.rpartition("-")[2]
        found[key] = json.loads(element.proto.spec)
    return found


OF_A_STUDY = tuple(name for name in PAGES if name != "playground.py")


@pytest.mark.parametrize("name", OF_A_STUDY)
def test_runs_without_a_study_and_offers_to_make_one(empty, open_page, name):
    app = open_page(name)
    assert not app.exception
    assert app.header[0].value == HEADINGS[name]
    assert app.subheader[0].value == "There is no study yet"
    assert any(code.value.startswith("tla study digits") for code in app.code)


@pytest.mark.parametrize("name", PAGES)
def test_runs_on_a_study(studies, open_page, name):
    app = open_page(name)
    assert not app.exception
    assert not app.error
    assert app.header[0].value == HEADINGS[name]
    assert list(charts(app)) == CHARTS.get(name, [])
    for element in app.get("plotly_chart"):
        assert len(element.proto.alt) > 20, "a chart without a description"


@pytest.mark.parametrize("name", OF_A_STUDY)
def test_half_a_study_is_offered_to_go_on(tmp_path, looking_in, open_page, name):
    make_study(tmp_path / "half", complete=False)
    looking_in(tmp_path)
    app = open_page(name)
    assert not app.exception
    assert "is not finished" in app.subheader[0].value


def test_a_damaged_manifest_is_named(tmp_path, looking_in, open_page):
    make_study(tmp_path / "torn")
    (tmp_path / "torn" / "manifest.json").write_text("{")
    looking_in(tmp_path)
    app = open_page("shift.py")
    assert not app.exception
    assert "the manifest is damaged" in app.error[0].value


def test_a_missing_table_is_named(tmp_path, looking_in, open_page):
    store = make_study(tmp_path / "thin")
    (store.path / "tables" / "detection.parquet").unlink()
    looking_in(tmp_path)
    app = open_page("detection.py")
    assert not app.exception
    assert "no table 'detection'" in app.info[0].value
    assert "tla study thin" in app.info[0].value


@pytest.mark.parametrize(("said", "meant"), [("20", 0.2), ("20.3", 0.205), ("99", 0.5), ("many", 0.05), (None, 0.05)])
def test_the_threshold_is_read_from_the_address(studies, open_page, said, meant):
    app = open_page("detection.py", **({} if said is None else {"refused": said}))
    assert not app.exception
    assert any(f"false_alarms={meant:g})" in code.value for code in app.code)


def test_ablations_lists_sweeps(made, tmp_path, looking_in, open_page):
    """A sweep is drawn with the attacks that are chosen; without one the page says how to make it."""
    rows = [
        (float(pool), attack, seed, 0.5 + 0.05 * i, 100)
        for i, pool in enumerate((1, 50))
        for attack in ("cw", "pgd", "worst")
        for seed in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["value", "attack", "seed", "accuracy", "n"])
    table = table.assign(parameter="method.tla.pool", method="tla", eps=0.2)
    shutil.copytree(made / "made", tmp_path / "studies" / "made")
    (tmp_path / "studies" / "made" / "tables" / "ablation.parquet").unlink()
    looking_in(tmp_path / "studies")
    assert any("tla sweep digits method.tla.pool" in code.value for code in open_page("ablations.py").code)
    store = Store(tmp_path / "studies" / "pool")
    store.write_table("ablation", table)
    store.note(complete="yes", study={"name": "pool", "methods": ["tla"]}, data={"classes": list("0123456789")})
    app = open_page("ablations.py")
    assert not app.exception
    assert app.selectbox(key="sweep").options == ["pool"]
    drawn = charts(app)["ablation"]["data"]
    assert [trace["name"] for trace in drawn] == ["C&amp;W", "PGD"]
    assert any("n = 100 test images, seeds 0, 1" in caption.value for caption in app.caption)
    app.pills(key="sweep_attacks").set_value(["worst"]).run()
    assert [trace["name"] for trace in charts(app)["ablation"]["data"]] == ["Worst case"]


def test_compare_counts_and_follows_the_choice(studies, open_page):
    app = open_page("compare.py", one="natural", other="tla", under="pgd")
    assert not app.exception
    title = charts(app)["agreement"]["layout"]["meta"]["title"]
    assert title.startswith("Natural and TLA disagree on ")
    assert "under PGD" in title
    rows = importlib.import_module("tla.store").Store(studies / "made").table("attacks")
    rows = rows[(rows["attack"] == "pgd") & (rows["eps"] == 0.2)].pivot(index="id", columns="method", values="success")
    only = int((~rows["natural"].astype(bool) & rows["tla"].astype(bool)).sum())
    assert f"only Natural ({only})" in app.get("button_group")[-1].options
    app.selectbox(key="one").select("tla").run()
    assert not app.exception
    assert charts(app)["agreement"]["layout"]["meta"]["title"].startswith("TLA and AT disagree on ")
