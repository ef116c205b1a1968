"""Names that are markup stay text, in report and figures; cells that are formulas stay text in a CSV."""

import json
import re
import shutil

import pandas as pd
import pytest
from hostile import FORMULA, hostile_study

from tla.files import check_name
from tla.plots import FIGURES
from tla.plots.base import unvalidated
from tla.plots.drawing.draw import draw
from tla.plots.drawing.export import save
from tla.plots.report import write_report
from tla.store import DamagedFileError, Store
from tla.study import recipes, study_from
from tla.study.locate import shipped_studies


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return hostile_study(tmp_path_factory.mktemp("studies") / "hostile")


@pytest.mark.more
def test_no_name_of_a_study_becomes_markup_in_its_report(store):
    page = write_report(store).read_text()
    figures = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert len(figures) > 5
    for text in figures:
        json.loads(text)
        assert "<" not in text, "a script element could end inside it"
    assert "&lt;img src=x" in page, "the names are shown"
    assert not re.search("<img src=x", page, re.IGNORECASE)


@pytest.mark.parametrize("name", FIGURES.names())
def test_no_name_becomes_markup_in_a_figure(store, name):
    """plotly reads a few tags in what it shows as text; keys like legendgroup are never shown."""
    if name in ("ablation", "strength", "ranking_attacks", "ranking_rows"):
        pytest.skip("the study has no such table")
    figure = draw(name, store).to_plotly_json()
    shown = [figure["layout"].get("title"), figure["layout"].get("annotations"), figure["layout"].get("meta")]
    shown += [[trace.get(key) for key in ("name", "text", "hovertemplate", "hovertext")] for trace in figure["data"]]
    assert not re.search("<img", json.dumps(shown, default=lambda value: value.tolist()), re.IGNORECASE)


def test_cells_that_a_spreadsheet_would_run_are_text(tmp_path):
    names = [FORMULA, "+1+1", "-2", "@SUM(A1)", "\tx", "plain", "a=b"]
    trace = {"type": "bar", "x": names, "y": [-1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], "name": "=1+1"}
    file = save(unvalidated([trace], {"width": 700, "height": 300}), tmp_path / "cells.csv")
    frame = pd.read_csv(file)
    words = [str(value) for column in frame.select_dtypes(exclude="number") for value in frame[column].dropna()]
    assert {"'" + name for name in names[:5]} <= set(words)
    assert {"plain", "a=b"} <= set(words)
    assert not [word for word in words if word[0] in "=+-@\t"]
    assert -1.5 in frame.select_dtypes("number").to_numpy()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/tmp/x", "a\\b", ".hidden", "-rf", "a\nb", "x" * 300, " a"]
)
def test_the_name_of_a_study_is_one_path_component(name):
    with pytest.raises(ValueError, match="must be a plain name of a folder"):
        check_name(name, "name")
    with pytest.raises(ValueError, match="name must be a plain name of a folder"):
        study_from(recipes.read("digits") | {"name": name})


@pytest.mark.parametrize("name", ["digits", "digits-tla-pool", "my study 2", "Ziffern-ä"])
def test_plain_names_pass(name):
    check_name(name, "name")


def test_links_out_of_a_study_are_not_followed(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("key")
    store = Store(tmp_path / "study")
    shutil.copytree(shipped_studies() / "digits", store.path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(store.path / "tables")
    (store.path / "tables").symlink_to(elsewhere)
    (store.path / "study.toml").unlink()
    (store.path / "study.toml").symlink_to(secret)
    for action in (
        lambda: store.write_table("shift", pd.DataFrame({"a": [1]})),
        lambda: store.check("tables/shift.parquet"),
        lambda: store.place("study.toml"),
        lambda: store.write_text("study.toml", "x"),
        lambda: store.place("../secret.txt"),
        lambda: store.changed(),
        lambda: write_report(store),
    ):
        with pytest.raises(DamagedFileError, match="leads out of the study folder"):
            action()
    assert not list(elsewhere.iterdir())
    assert secret.read_text() == "key"
