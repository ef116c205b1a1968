"""Figures as files."""

import json
import re
import subprocess

import numpy as np
import pandas as pd
import pytest
from plotly import io
from synthetic import World, attacks, maps, write_store

from tla.plots import FIGURES, Look, draw, look_of
from tla.plots.drawing import export as module
from tla.plots.drawing.export import data_of, picture, save

ROC = FIGURES.get("roc")


@pytest.fixture(scope="module")
def figure():
    return FIGURES.get("two_classes")(maps(World(n=40, methods=("at", "tla"))), look=Look(renderer="svg"))


def test_csv_holds_every_point(figure, tmp_path):
    frame = pd.read_csv(save(figure, tmp_path / "f.csv"))
    clean = frame[frame["trace"] == "5 (clean)"] if "5 (clean)" in set(frame["trace"]) else frame[frame["panel"] == "x"]
    assert {"panel", "trace", "x", "y", "id"} <= set(frame.columns)
    total = sum(len(trace.x) for trace in figure.data)
    assert len(frame) == total
    trace = figure.data[0]
    part = frame[(frame["panel"] == "x") & (frame["trace"] == trace.name)]
    np.testing.assert_allclose(part["x"], trace.x, rtol=1e-6)
    np.testing.assert_array_equal(part["id"], trace.customdata)
    assert len(clean)


def test_csv_leaves_out_legend_entries():
    frame = data_of(FIGURES.get("shift_morph")(maps(World(n=40, methods=("at",)))))
    assert set(frame["trace"]) <= {"images", "misclassified"}


def test_csv_of_a_figure_read_back_from_json(figure):
    again = io.from_json(figure.to_json())
    pd.testing.assert_frame_equal(data_of(again), data_of(figure), check_dtype=False)


def test_csv_of_a_heatmap_and_of_an_empty_figure():
    frame = data_of(FIGURES.get("accuracy_table")(attacks(World(n=20, methods=("at", "tla")))))
    assert len(frame) == 2 * 8
    assert frame["z"].between(0, 100).all()
    assert data_of(FIGURES.get("accuracy_bars")(attacks(World(n=2)).iloc[:0])).empty


def test_json_and_html(figure, tmp_path):
    values = json.loads(save(figure, tmp_path / "f.json").read_text())
    assert len(values["data"]) == len(figure.data)
    whole = save(figure, tmp_path / "f.html").read_text()
    assert "plotly.js v" in whole
    assert '"showSendToCloud": false' in whole
    assert '<script src="http' not in whole.replace("'", '"')
    small = save(figure, tmp_path / "small.html", offline=False).read_text()
    assert len(small) < 0.1 * len(whole)


def test_other_extensions_raise_and_nothing_is_written(figure, tmp_path):
    with pytest.raises(ValueError, match=r"path must end in one of \.html, \.png, .*, got 'f\.gif'"):
        save(figure, tmp_path / "f.gif")
    assert not list(tmp_path.iterdir())


def test_without_browser_and_kaleido_it_says_how_to_get_one(figure, tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)

    def missing(*_, **__):
        raise ValueError("no kaleido")

    monkeypatch.setattr(type(figure), "to_image", missing)
    with pytest.raises(RuntimeError, match="a png needs Chromium or Chrome on the PATH, or the package kaleido"):
        save(figure, tmp_path / "f.png")
    assert not list(tmp_path.iterdir())


def test_a_browser_that_fails_is_named(figure, monkeypatch):
    done = subprocess.CompletedProcess([], 1, b"", b"it crashed")
    monkeypatch.setattr(module.shutil, "which", lambda name: "/bin/browser")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(RuntimeError, match="/bin/browser could not render the figure: it crashed"):
        picture(figure, "png")


@pytest.mark.browser
def test_png_and_svg(figure, tmp_path):
    from PIL import Image

    image = Image.open(save(figure, tmp_path / "f.png", width=800, scale=1.0))
    assert image.size == (800, figure.layout.height)
    colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    assert len(colours) > 50
    vector = save(figure, tmp_path / "f.svg", width=800).read_text()
    assert vector.startswith("<svg")
    assert figure.layout.meta["title"][:30] in vector


@pytest.mark.browser
@pytest.mark.parametrize("name", ["two_classes", "class_confusion", "ranking_rows"])
def test_an_svg_has_no_bitmaps_but_its_pictures(tmp_path, name):
    """Points drawn with WebGL and cells of heatmaps are vectors."""
    store = write_store(tmp_path / "study", World(n=40, methods=("at", "tla")))
    drawn = draw(name, store, look=look_of(store, width=700))
    vector = save(drawn, tmp_path / "f.svg", width=700).read_text()
    assert vector.count("<image") == len(drawn.layout.images)
    points = sum(len(trace.x) for trace in drawn.data if trace.type == "scattergl")
    cells = sum(
        value is not None for trace in drawn.data if trace.type == "heatmap" for row in trace.z for value in row
    )
    assert vector.count("<path") >= points + cells


@pytest.mark.browser
def test_pdf_is_one_page_of_vectors(figure, tmp_path):
    pdf = save(figure, tmp_path / "f.pdf", width=800).read_bytes()
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") == 1
    (box,) = re.findall(rb"/MediaBox \[([\d. ]+)\]", pdf)
    width, height = (float(number) * 96 / 72 for number in box.split()[2:])
    assert width == pytest.approx(800, abs=1)
    assert height == pytest.approx(figure.layout.height, abs=1)
