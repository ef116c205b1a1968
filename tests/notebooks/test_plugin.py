"""The plugin as somebody else installs it: found through its entry point, in a folder that knows nothing of tla."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from installing import UV, needs_uv

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.more
@needs_uv
def test_it_is_found_by_its_entry_point_and_can_be_switched_off(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "notebooks/nbcompare", source, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([UV, "pip", "install", "-q", "--no-deps", "--target", tmp_path / "site", source], check=True)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    stored = nbformat.v4.new_output("stream", text="mean 0.123456\n")
    cell = nbformat.v4.new_code_cell("print('mean', 0.123457)", outputs=[stored], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "one.ipynb")

    def run(*more):
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--nbval",
            "--nbval-current-env",
            "-p",
            "no:cacheprovider",
            *more,
            ".",
        ]
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "PYTEST_ADDOPTS": ""}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)

    with_it, without = run(), run("--no-nbcompare")
    assert with_it.returncode == 0, with_it.stdout
    assert "pointed out in notebooks" in with_it.stdout
    assert "stored 'mean 0.123456', got 'mean 0.123457'" in with_it.stdout
    assert without.returncode == 1, without.stdout


def test_without_kaleido_pictures_of_figures_are_left_out_and_it_is_said(monkeypatch):
    from nbcompare.plugin import Studio

    monkeypatch.setitem(sys.modules, "kaleido", None)
    studio = Studio()
    assert studio.render({"data": [], "layout": {}}) is None
    assert "not compared: kaleido is not installed: pip install 'kaleido>=1.0'" in studio.missing
