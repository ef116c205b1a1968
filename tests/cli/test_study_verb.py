"""What `tla study` asks for, whether a command was carried out already, and its tables."""

import io
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from tla.cli.study_verb import request_of
from tla.cli.tables import _methods, attack_summary, study_summary
from tla.store import Store
from tla.study.locate import shipped_studies


@pytest.mark.parametrize(
    ("load", "changed"),
    [
        ("mine/nets.py:make", "mine/nets.py"),
        ("mine/nets.py:make", "mine/layers.py"),
        ("mine.nets:make", "mine/nets.py"),
        ("mine.nets:make", "mine/layers.py"),
        ("best.pth@mine.nets:Net", "best.pth"),
        ("single:make", "single.py"),
    ],
)
def test_a_network_whose_code_or_weights_changed_is_something_to_do(load, changed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    for name in ("mine/nets.py", "mine/layers.py", "best.pth", "single.py"):
        Path(name).write_text("one")
    values = {"given": {"mine": {"load": load}}}
    before = request_of(values, [])
    assert before == request_of(values, []) != request_of({"given": {"mine": {"load": "digits:at"}}}, [])
    Path(changed).write_text("another")
    assert request_of(values, []) != before


def test_a_file_beside_it_that_it_cannot_import_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("single.py").write_text("one")
    values = {"given": {"mine": {"load": "single:make"}}}
    before = request_of(values, [])
    Path("notes.py").write_text("another")
    assert request_of(values, []) == before


@pytest.mark.parametrize(("width", "methods"), [(120, "rows"), (80, "columns"), (40, "columns")])
def test_accuracies_are_whole_in_every_terminal(width, methods):
    console = Console(width=width, file=io.StringIO())
    console.print(study_summary(Store(shipped_studies() / "cifar10-small"), width=width))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    head = next(i for i, line in enumerate(lines) if line.split()[0] in ("method", "attack"))
    assert lines[head].split()[0] == {"rows": "method", "columns": "attack"}[methods]
    if width >= 80:
        across, down = (9, 6) if methods == "rows" else (6, 9)
        assert [line.count("±") for line in lines[head + 1 :]] == [across] * down


def test_intervals_and_names_of_an_attack_are_whole_in_a_narrow_terminal():
    row = {"eps": 8 / 255, "accuracy": 0.392, "low": 0.36, "high": 0.42, "n": 1000, "queries": 431.2, "seconds": 7921.3}
    frame = pd.DataFrame([{"attack": name, **row} for name in ("clean", "ensemble", "worst")])
    console = Console(width=72, file=io.StringIO())
    console.print(attack_summary(frame, "Accuracy of a network with a name that is as long as the terminal is"))
    assert console.file.getvalue().startswith("Accuracy of a network with a name that is as long as the terminal is\n")
    *_, last = console.file.getvalue().splitlines()
    assert last.split() == ["worst", "case", "8/255", "39.2", "36.0", "..", "42.0", "1000", "431", "7921"]


@pytest.mark.parametrize("width", [55, 80])
def test_verdicts_are_whole_in_a_narrow_terminal(width):
    facts = {"difference": -0.003, "low": -0.017, "high": 0.011, "verdict": "not shown", "seeds": 3, "n": 1000}
    pairs = pd.DataFrame([{"method": name, **facts} for name in ("tla", "tla@pool=250")])
    console = Console(width=width, file=io.StringIO())
    console.print(_methods(pairs, "at"))
    text = console.file.getvalue()
    assert text.startswith("Worst case minus that of at (points), 3 trainings, n =")
    for name in pairs.method:
        (row,) = (line.split() for line in text.splitlines() if name in line.split())
        assert row[:5] == [name, "-0.3", "-1.7", "..", "+1.1"]
    assert [text.split().count(word) for word in ("no", "difference", "shown")] == [2, 3, 2]  # one is a heading
