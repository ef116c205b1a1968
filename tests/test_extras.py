"""A missing package raises an error with the command that installs it."""

import pytest

from tla.extras import PIP_LINES, require


def test_an_installed_package_is_imported():
    import json

    assert require("json", "a test") is json


def test_a_missing_package_gets_its_pip_command(monkeypatch):
    monkeypatch.setitem(PIP_LINES, "no_such_package", "pip install 'thing>=2'")
    with pytest.raises(
        ModuleNotFoundError, match="drawing needs the package 'no_such_package': pip install 'thing>=2'"
    ):
        require("no_such_package", "drawing")
    with pytest.raises(ModuleNotFoundError, match="drawing needs the package 'another_one': pip install another_one"):
        require("another_one", "drawing")


def test_a_broken_package_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import not_there_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'not_there_at_all'"):
        require("half_there", "a test")
