"""The short form of every campaign: `make test-more`. The long form: `python tests/campaign/NAME.py --tries 1000`."""

import importlib
import sys
from pathlib import Path

import pytest


@pytest.mark.more
@pytest.mark.parametrize(
    ("name", "tries"), [("command_line", 150), ("damage", 300), ("api", 500), ("uploads", 400), ("kills", 4)]
)
def test_everything_holds(name, tries, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    if name == "api":  # odd types must reach the functions: the shape checks of the tests would refuse them first
        import subprocess

        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("api.py")), "--tries", str(tries)], check=False
        )
        assert done.returncode == 0
        return
    tally = importlib.import_module(name).campaign(tries, 1)
    with capsys.disabled():
        print(tally.line())
    assert tally.counts["held"] == tries
