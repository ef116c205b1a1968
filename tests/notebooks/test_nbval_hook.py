"""All of nbval: one notebook with a cell for each kind of change."""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FILES = ("conftest.py", "nbcompare", "regenerate.py", "sanitize.cfg")
VALUES = [1.25, -0.5, 3.0, 2.0]
FIGURE = f"""
from IPython.display import display
figure = {{"data": [{{"type": "scatter", "y": {VALUES}}}], "layout": {{"width": 300, "height": 200}}}}
display({{"application/vnd.plotly.v1+json": figure}}, raw=True)
"""
PICTURE = """
import base64, io
from IPython.display import display
from PIL import Image
file = io.BytesIO()
Image.linear_gradient("L").resize((600, 600)).convert("RGB").save(file, "PNG")
display({"image/png": base64.b64encode(file.getvalue()).decode()}, raw=True)
"""
NUMBER = "print(f'accuracy {87.25:.2f} of 500 in /somewhere/studies/digits')"


def gradient(squares=0, flipped=False):
    pixels = np.array(Image.linear_gradient("L").resize((600, 600)).convert("RGB"))
    if flipped:
        pixels = pixels[::-1].copy()
    pixels[:squares, :squares] = 255 - pixels[:squares, :squares]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"image/png": base64.b64encode(file.getvalue()).decode()}


def scatter(noise=0.0, **more):
    values = [value * (1 + noise) for value in VALUES]
    figure = {"data": [{"type": "scatter", "y": values}], "layout": {"width": 300, "height": 200}}
    return {"application/vnd.plotly.v1+json": figure} | more


def cell(source, data=None, text=None):
    shown = nbformat.v4.new_output("display_data", data) if data else nbformat.v4.new_output("stream", text=text)
    return nbformat.v4.new_code_cell(source.strip(), outputs=[shown], execution_count=1)


def cases(chrome):
    found = {
        "figure_same": (cell(FIGURE, scatter()), "passed"),
        "figure_noise_1e6": (cell(FIGURE, scatter(1e-6)), "passed"),
        "figure_noise_2e5": (cell(FIGURE, scatter(2e-5)), "passed, pointed out"),
        "figure_noise_1e4": (cell(FIGURE, scatter(1e-4)), "failed"),
        "picture_noise_1e6": (cell(PICTURE, gradient(squares=1)), "passed"),
        "picture_noise_1e4": (cell(PICTURE, gradient(squares=8)), "passed, pointed out"),
        "picture_changed": (cell(PICTURE, gradient(flipped=True)), "failed"),
        "number_same": (cell(NUMBER, text="accuracy 87.25 of 500 in /elsewhere/studies/digits\n"), "passed"),
        "number_changed": (cell(NUMBER, text="accuracy 87.15 of 500 in /elsewhere/studies/digits\n"), "failed"),
    }
    if chrome:
        white = {"image/png": base64.b64encode(blank(300, 200)).decode()}
        found["figure_picture_changed"] = (cell(FIGURE, scatter(**white)), "failed")
    return found


def blank(width, height):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "black").save(file, "PNG")
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.more
def test_every_kind_of_change(tmp_path):
    chrome = any(shutil.which(name) for name in ("chromium", "google-chrome", "chromium-browser"))
    for name in FILES:
        source = ROOT / "notebooks" / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    expected = cases(chrome)
    content = nbformat.v4.new_notebook(cells=[cell for cell, _ in expected.values()])
    nbformat.write(content, tmp_path / "changes.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-W", "error", "--color=no"]
    nbval = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(tmp_path / "sanitize.cfg")]
    run = subprocess.run(
        [*command, *nbval, str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    outcome = {}
    notes = run.stdout.partition("pointed out")[2]
    for number, name in enumerate(expected):
        word = re.search(rf"^(PASSED|FAILED|ERROR) changes\.ipynb::Cell {number}\b", run.stdout, re.MULTILINE)
        note = re.search(rf"^changes\.ipynb::Cell {number} ", notes, re.MULTILINE)
        outcome[name] = (word[1].lower() if word else "missing") + (", pointed out" if note else "")
    assert outcome == {name: result for name, (_, result) in expected.items()}, run.stdout + run.stderr
    assert "data[0].y: 4 of 4 numbers differ" in run.stdout
    assert "stored 'accuracy 87.15 of 500 in FOLDER/studies/digits', got 'accuracy 87.25 of 500" in run.stdout
