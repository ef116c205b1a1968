"""Every page keeps the contract, shows its charts, and reports what is missing."""

import importlib
import shutil

import pandas as pd
import pytest
from dashboard import PAGES, make_study, page_file
from page_contract import charts, check_page

from tla.store import Store
from tla.study.locate import shipped_studies
from tla.study.pack import pack

CHARTS = {
    "ablations": ["ablation"],
    "compare": ["agreement", "differences"],
    "data": ["history"],
    "detection": ["roc", "score_histograms", "risk_coverage"],
    "export": ["export"],
    "neighbours": ["purity", "ranking", "ranking_rows"],
    "robustness": ["bars", "table", "curve", "steps", "confused", "audit"],
    "shift": ["shift_measures"],
    "tour": ["tour_image"],
    "trajectory": ["trajectory"],
}


@pytest.mark.parametrize("name", PAGES)
def test_keeps_the_contract(name):
    check_page(name)


@pytest.mark.parametrize("name", CHARTS)
def test_shows_its_charts(studies, open_page, name):
    assert list(charts(open_page(name))) == CHARTS[name]


def test_a_damaged_manifest_is_named(tmp_path, use_studies, open_page):
    make_study(tmp_path / "torn")
    (tmp_path / "torn" / "manifest.json").write_text("{")
    use_studies(tmp_path)
    app = open_page("shift")
    assert not app.exception
    assert "the manifest is damaged" in app.error[0].value


def test_a_missing_table_is_named(tmp_path, use_studies, open_page):
    store = make_study(tmp_path / "thin")
    (store.path / "tables" / "detection.parquet").unlink()
    use_studies(tmp_path)
    app = open_page("detection")
    assert not app.exception
    assert "no table 'detection'" in app.info[0].value
    assert "tla study thin" in app.info[0].value


@pytest.mark.parametrize(("text", "share"), [("20", 0.2), ("20.3", 0.205), ("99", 0.5), ("many", 0.05), (None, 0.05)])
def test_the_threshold_is_read_from_the_address(studies, open_page, text, share):
    app = open_page("detection", **({} if text is None else {"refused": text}))
    assert not app.exception
    assert any(f" false_alarms={share:g}," in code.value for code in app.code)


def test_ablations_lists_sweeps(made, tmp_path, use_studies, open_page):
    """A sweep is drawn with the chosen attacks; without one, the page shows how to run it."""
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
    use_studies(tmp_path / "studies")
    assert any("tla sweep digits method.tla.pool" in code.value for code in open_page("ablations").code)
    store = Store(tmp_path / "studies" / "pool")
    store.write_table("ablation", table)
    store.note(complete="yes", study={"name": "pool", "methods": ["tla"]}, data={"classes": list("0123456789")})
    app = open_page("ablations")
    assert not app.exception
    assert app.selectbox(key="sweep").options == ["pool"]
    drawn = charts(app)["ablation"]["data"]
    assert [trace["name"] for trace in drawn] == ["C&amp;W", "PGD"]
    assert any("n = 100 test images, seeds 0, 1" in caption.value for caption in app.caption)
    app.pills(key="sweep_attacks").set_value(["worst"]).run()
    assert [trace["name"] for trace in charts(app)["ablation"]["data"]] == ["Worst case"]


def test_compare_counts_and_follows_the_choice(studies, open_page):
    app = open_page("compare", one="natural", other="tla", under="pgd")
    assert not app.exception
    title = charts(app)["agreement"]["layout"]["meta"]["title"]
    assert title.startswith("This Natural and this TLA disagree on ")
    assert "under PGD" in title
    rows = importlib.import_module("tla.store").Store(studies / "made").table("attacks")
    rows = rows[(rows["attack"] == "pgd") & (rows["eps"] == 0.2)].pivot(index="id", columns="method", values="success")
    only = int((~rows["natural"].astype(bool) & rows["tla"].astype(bool)).sum())
    assert f"only Natural ({only})" in app.get("button_group")[-1].options
    app.selectbox(key="one").select("tla").run()
    assert not app.exception
    assert charts(app)["agreement"]["layout"]["meta"]["title"].startswith("This TLA and this AT disagree on ")


def test_the_sidebar_says_what_the_audit_found(studies, open_page):
    from tla.plots.drawing.believed import believed

    said = believed(importlib.import_module("tla.store").Store(studies / "made").table("audit"))
    shown = [text.value for text in open_page("compare").sidebar.markdown]
    assert said.word in ("FAIL", "WARN")
    assert any(text.endswith(f"**{said.text}.**]") for text in shown)


def test_detection_opens_at_the_training_eps(studies, open_page):
    (eps,) = (slider for slider in open_page("detection").select_slider if slider.key == "detection_eps")
    assert eps.options == ["0.2", "0.3"]
    assert eps.value == 0.2


def test_compare_shows_the_attack_that_decided(studies, open_page):
    from board.studies import open_study

    view = open_study("made", studies / "made")
    app = open_page("compare", one="natural", other="tla", under="worst")
    assert not app.exception
    page = importlib.import_module("runpy").run_path(str(page_file("compare")), run_name="page")
    attacks = view.table("attacks")
    rows = attacks[(attacks["attack"] != "clean") & (attacks["eps"] == 0.2) & (attacks["seed"] == 0)]
    for method in ("natural", "tla"):
        decided = page["deciding"](view, attacks, method, 0, "worst")
        mine = rows[rows["method"] == method]
        fooled = mine.groupby("id")["success"].any()
        assert set(decided) == set(fooled.index)
        for sample, decision in decided.items():
            of = mine[(mine["id"] == sample) & (mine["attack"] == decision.attack)].iloc[0]
            assert bool(of["success"]) == bool(fooled[sample])
            assert decision.prediction == of["prediction"]


def test_the_steps_of_a_packed_study_have_only_a_time(tmp_path, use_studies, open_page):
    pack(Store(shipped_studies() / "digits"), tmp_path / "digits")
    use_studies(tmp_path)
    (table,) = (one.value for one in open_page("data").dataframe if "step" in one.value)
    assert list(table) == ["step", "seconds"]
    assert table["seconds"].notna().all()
    assert "packed" not in set(table["step"])
