"""The images behind a bar, the paper beside ours, and the audit in full."""

import shutil
from typing import Any, cast

import numpy as np
import pytest
from page_contract import charts

from tla.plots.drawing.paper import against_paper, paper_accuracy
from tla.store import Store

EPS = 0.2


@pytest.fixture
def attacks(made):
    return Store(made / "made").table("attacks")


@pytest.fixture
def view(studies):
    from board.studies import open_study

    return open_study("made", studies / "made")


@pytest.mark.parametrize("attack", ["clean", "pgd", "worst"])
def test_behind_a_bar_are_the_images_that_it_counts(view, attacks, attack):
    from board.selection.robustness import turned

    found = turned(view, "at", 0, attack)
    here = attacks[(attacks["method"] == "at") & (np.isclose(attacks["eps"], EPS) | (attacks["attack"] == "clean"))]
    clean = here[here["attack"] == "clean"].set_index("id")["success"].astype(bool)
    lost = set()
    for row in here.itertuples():
        named = row.attack != "clean" if attack == "worst" else row.attack == attack
        if named and row.success and (attack == "clean" or not clean[row.id]):
            lost.add(row.id)
    assert set(found.rows["id"]) == lost
    assert not found.rows["id"].duplicated().any()
    assert found.right == (len(clean) if attack == "clean" else int((~clean).sum()))
    if attack == "worst":
        by_main = set(here.loc[(here["attack"] == "pgd") & here["success"].astype(bool), "id"]) & lost
        assert set(found.rows.loc[found.rows["attack"] == "pgd", "id"]) == by_main


def test_a_chosen_bar_shows_its_images(studies, open_page):
    app = open_page("robustness", robust_methods=["at", "tla"])
    assert app.selectbox(key="bar_attack").value is None
    bars = charts(app)["bars"]["data"]
    assert bars[0]["customdata"][0][1:] == ["at", "clean"]
    app.session_state["bar_attack"], app.session_state["bar_method"] = "pgd", "tla"
    app.run()
    assert not app.exception
    (said,) = [text.value for text in app.markdown if " turns " in text.value]
    assert said.startswith("**PGD turns ")
    assert said.endswith(" images that TLA gets right**")
    app.pills(key="robust_methods").set_value(["at"]).run()
    assert not app.exception


def test_pressing_a_bar_chooses_it(monkeypatch):
    import streamlit as st
    from board import charts as board

    state = {"bars": {"selection": {"points": [{"customdata": [60, "tla", "pgd"]}]}}}
    given = {}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "plotly_chart", lambda figure, **options: given.update(options))
    monkeypatch.setattr(board, "look", lambda view, share: None)
    monkeypatch.setattr(board.FIGURES, "get", lambda name: lambda *frames, look: None)
    pressed = []
    board.chart("accuracy_bars", view=cast(Any, None), key="bars", alt="", on_press=pressed.append)
    given["on_select"]()
    state["bars"]["selection"]["points"] = []
    given["on_select"]()
    assert pressed == [[60, "tla", "pgd"]]


def test_differences_from_the_paper_are_ours_minus_theirs(attacks):
    ours = attacks.assign(eps=np.where(attacks["attack"] == "clean", 0.0, np.where(attacks["eps"] == EPS, 0.3, 0.4)))
    found = against_paper(ours, "mnist", "linf").set_index(["method", "attack"])
    told = paper_accuracy("mnist").set_index(["method", "attack"])["accuracy"]
    for (method, attack), row in found.iterrows():
        same = ours[(ours["method"] == method) & (ours["attack"] == attack) & ours["eps"].isin([0.0, 0.3])]
        right = 1 - same["success"].astype(float).mean()
        assert row["ours"] == pytest.approx(right)
        assert row["difference"] == pytest.approx(right - told[method, attack])
    assert {"clean", "pgd"} <= set(found.index.get_level_values("attack"))
    assert set(found.index.get_level_values("method")) == {"natural", "at", "tla"}


@pytest.mark.parametrize(
    ("data", "norm", "eps"), [("digits", "linf", 0.3), ("mnist", "l2", 0.3), ("mnist", "linf", 0.2)]
)
def test_the_paper_is_shown_for_its_own_data_norm_and_eps_only(attacks, data, norm, eps):
    ours = attacks.assign(eps=np.where(attacks["attack"] == "clean", 0.0, eps))
    assert against_paper(ours, data, norm).empty


def test_the_page_shows_the_paper_where_it_has_the_row(made, tmp_path, studies, use_studies, open_page):
    assert not [frame for frame in open_page("robustness").dataframe if "accuracy (%)" in frame.value]
    shutil.copytree(made / "made", tmp_path / "studies" / "ours")
    store = Store(tmp_path / "studies" / "ours")
    manifest = store.manifest()
    store.note(
        steps={},
        data=manifest["data"] | {"name": "mnist"},
        study=manifest["study"] | {"attack": manifest["study"]["attack"] | {"eps": 0.3}},
    )
    table = store.table("attacks")
    store.write_table("attacks", table.assign(eps=np.where(np.isclose(table["eps"], EPS), 0.3, 1.5 * table["eps"])))
    use_studies(tmp_path / "studies")
    app = open_page("robustness")
    assert not app.exception
    (frame,) = [frame.value for frame in app.dataframe if "accuracy (%)" in frame.value]
    assert frame["accuracy (%)"].tolist() == ["paper", "ours", "difference"] * 3
    assert frame.loc[frame["method"] == "AT", "20\u00d7PGD"].iloc[0] == "93.87"
    assert frame.loc[frame["method"] == "AT", "PGD"].iloc[0] == "(94.82)"
    assert "C&W" in frame.columns
    ours, difference = frame.loc[frame["method"] == "AT", "20\u00d7PGD"].iloc[1:]
    assert float(ours.split(" ±")[0]) - 93.87 == pytest.approx(float(difference), abs=0.1)


def test_every_finding_of_the_audit_is_there_in_full(studies, view, open_page):
    app = open_page("robustness")
    rows = view.table("audit")
    found = rows[~rows["verdict"].isin(["OK", "NOT RUN"])]
    texts = [text.value for text in app.text]
    for row in found.itertuples():
        assert any(text.startswith(row.evidence) and text.endswith(row.advice) for text in texts)
    for row in rows.itertuples():
        assert any(text.endswith(f" · {row.check}: {row.verdict}\n{row.evidence}") for text in texts)
