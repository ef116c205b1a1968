"""Machines without a home, without a place for compiled code, or with a busy neighbour."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tla import machine
from tla.data.base import data_roots
from tla.files import remove_orphans


def test_waiting_threads_sleep_unless_told_otherwise():
    code = "import tla, os; print(os.environ['OMP_WAIT_POLICY'])"
    for given, expected in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        inherited = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
        said = subprocess.run([sys.executable, "-c", code], env=inherited | given, capture_output=True, check=True)
        assert said.stdout.decode().strip() == expected


@pytest.mark.parametrize("home", ["/", None])
def test_without_a_home_there_is_a_folder_of_temporary_files(home, monkeypatch):
    monkeypatch.delenv("TLA_DATA", raising=False)
    if home is None:
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    else:
        monkeypatch.setenv("HOME", home)
    assert machine.home_cache().parent == Path(tempfile.gettempdir())
    assert data_roots() == (machine.home_cache() / "tla",)


def test_a_home_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert machine.home_cache() == tmp_path / ".cache"


def test_compiled_code_gets_a_folder_where_the_package_is_read_only(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    machine.place_compiled_code(tmp_path / "umap")
    assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setattr(machine, "_writable", lambda folder: folder == tmp_path / ".cache")
    machine.place_compiled_code(Path("/read/only/umap"))
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / ".cache" / "numba")
    monkeypatch.delenv("NUMBA_CACHE_DIR")


def test_only_temporary_files_of_ended_processes_are_removed(tmp_path):
    kept = [".holder.json", ".lock", ".notes.document", "a.parquet", ".shift.parquet", ".x.parquet.longer_than_8"]
    left = [".shift.parquet.a1b2c3d4", "tables/.map.parquet.zzzzzzzz", ".train.pt.abcd_fgh"]
    (tmp_path / "tables").mkdir()
    for name in (*kept, *left):
        (tmp_path / name).write_text("x")
    (tmp_path / ".link.json.a1b2c3d4").symlink_to(tmp_path / "a.parquet")
    remove_orphans(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted([*kept, ".link.json.a1b2c3d4"])
