"""What `tla study` asks for: whether a command was carried out already."""

from pathlib import Path

import pytest

from tla.cli.study_verb import request_of


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
