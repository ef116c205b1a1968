"""The stored notebooks, without running them."""

import json
import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PLOTLY = "application/vnd.plotly.v1+json"
MAX_BYTES = 400_000
MAX_IGNORED = 2


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def cells(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook.cells


def code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def outputs(cells):
    return [output for cell in code(cells) for output in cell.outputs]


def test_the_first_two_exist():
    names = {path.stem for path in NOTEBOOKS}
    assert {"00_quickstart", "02_shift_one_class"} <= names


def test_cells_ran_once_in_order(cells):
    assert [cell.execution_count for cell in code(cells)] == list(range(1, len(code(cells)) + 1))


def test_nothing_failed_and_nothing_warned(cells):
    kinds = [(output.output_type, output.get("name")) for output in outputs(cells)]
    assert ("stream", "stderr") not in kinds
    assert "error" not in {kind for kind, _ in kinds}


def test_no_scripts_and_no_paths_of_one_machine(cells):
    text = json.dumps(outputs(cells))
    assert not re.search(r"<script|javascript", text, re.IGNORECASE)
    assert not re.search(r"/(?:home|root|Users|tmp|work)/", text)


def test_size(path):
    assert path.stat().st_size <= MAX_BYTES


def test_every_figure_has_picture_title_and_caption(cells):
    figures = [output.data for output in outputs(cells) if PLOTLY in output.get("data", {})]
    for data in figures:
        assert "image/png" in data
        layout = data[PLOTLY]["layout"]
        assert layout.get("title", layout["meta"].get("title"))
        assert layout["meta"]["caption"]


def test_it_ends_with_an_assertion(cells):
    assert re.search(r"^assert ", code(cells)[-1].source, re.MULTILINE)


def test_it_starts_with_a_title_and_has_no_shell_commands(cells):
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert not re.search(r"^%|^!|pip install", "\n".join(cell.source for cell in code(cells)), re.MULTILINE)


def test_few_outputs_are_ignored(cells):
    ignored = [c for c in code(cells) if "nbval-ignore-output" in c.metadata.get("tags", []) or "NBVAL_" in c.source]
    assert len(ignored) <= MAX_IGNORED
