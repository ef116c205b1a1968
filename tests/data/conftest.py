"""Small picture folders, and a separate cache and home for every test."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pictures import picture


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))


@pytest.fixture
def no_data(monkeypatch):
    """Unset TLA_DATA."""
    monkeypatch.delenv("TLA_DATA", raising=False)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes class folders: make_folder({"cat": 3, "dog": 2}, below="train")."""

    def make(classes: dict[str, int], below: str = ".", **options) -> Path:
        folder = tmp_path / "pets"
        for k, (name, count) in enumerate(classes.items()):
            (folder / below / name).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                picture(100 * k + i, **options).save(folder / below / name / f"{i:03d}.png")
        return folder

    return make
