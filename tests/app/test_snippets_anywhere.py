"""The Python of every page runs in a fresh interpreter, in any folder, and names the study as `locate` does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from dashboard import PAGES, ROOT
from page_contract import snippets

from tla.study.locate import name_of, open_study, shipped_studies

CHANGED = {
    "ablations": {"sweep_attacks": ["PGD"]},
    "attack": {"target": "3", "attack": "mim", "eps": "0.125", "attack_steps": "3", "models": ["at"]},
    "compare": {"one": "natural", "other": "at", "under": "pgd"},
    "detection": {"refused": "20", "roc_part": "few", "detection_methods": ["at", "tla"]},
    "export": {"figure": "roc", "figure_theme": "dark", "figure_width": "700"},
    "neighbours": {"focus": "5", "k": "3", "neighbour_methods": ["tla"]},
    "playground": {"anchor": "3,4", "lesson_epochs": "2", "lesson_alpha": "0.1"},
    "robustness": {"robust_methods": ["at"], "across": "methods"},
    "shift": {"colour": "flipped", "shift_methods": ["tla"], "shift_classes": ["3"], "focus": "5"},
    "trajectory": {"focus": "2", "path_methods": ["natural", "tla"]},
}
"""Pages that show Python, and their controls away from the default."""


def run(text, folder):
    """Run Python in a fresh interpreter that knows the package and nothing of the dashboard."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def shown(page, open_page, **query):
    app = open_page(page, **query)
    assert not app.exception
    if page == "playground" and query:
        next(button for button in app.button if button.label == "Train AT and TLA").click().run()
    return snippets(app)


@pytest.mark.parametrize("page", PAGES)
def test_only_these_pages_show_python_and_none_a_path(studies, open_page, page):
    found = [*shown(page, open_page), *(shown(page, open_page, **CHANGED[page]) if page in CHANGED else [])]
    assert bool(found) == (page in CHANGED)
    for text in found:
        assert not re.search(r"""["'`(=](/|[A-Z]:\\)""", text), text


@pytest.mark.more
@pytest.mark.parametrize("page", CHANGED)
def test_runs_in_another_folder(studies, open_page, tmp_path, page):
    found = dict.fromkeys([*shown(page, open_page), *shown(page, open_page, **CHANGED[page])])
    assert len(found) >= 2, "the control changes nothing"
    for text in found:
        done = run(text, tmp_path)
        assert done.returncode == 0, f"{text}\n{done.stderr}"


def test_a_study_is_named_as_it_is_found(tmp_path, monkeypatch):
    """By its name where that is enough, by its path from the home folder where it is not."""
    own, home = tmp_path / "own", tmp_path / "home"
    for folder in (own / "mine", home / "work" / "studies" / "theirs", tmp_path / "far"):
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TLA_STUDIES", str(own))
    names = {
        shipped_studies() / "digits": "digits",
        own / "mine": "mine",
        home / "work" / "studies" / "theirs": "~/work/studies/theirs",
        tmp_path / "far": str(tmp_path / "far"),
    }
    for folder, name in names.items():
        assert name_of(folder) == name
        assert open_study(name).path == folder
    monkeypatch.delenv("TLA_STUDIES")
    assert name_of(own / "mine") == str(own / "mine"), "without the variable, a name is found in one folder only"
    monkeypatch.setenv("TLA_STUDIES", "own")
    assert name_of(Path("own/mine")) == str(own / "mine"), "a relative folder is found in one folder only"


def test_a_hidden_shipped_study_has_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("TLA_STUDIES", str(tmp_path))
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "manifest.json").write_text("{}")
    shipped = shipped_studies() / "digits"
    assert open_study("digits").path == tmp_path / "digits"
    assert name_of(shipped) == "digits (shipped)"
    assert open_study("digits (shipped)").path == shipped


def test_a_name_that_is_not_found_tells_of_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("TLA_STUDIES", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no study 'mine'.*the variable TLA_STUDIES names another folder"):
        open_study("mine")
