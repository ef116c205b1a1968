"""The study folder: atomic writes, damage reported, nothing overwritten."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tla.files import replacing
from tla.store import DamagedFileError, Store, file_digest

FRAME = pd.DataFrame({"method": ["at", "tla"], "seed": [0, 1], "value": [0.5, np.nan]})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "study")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 0xFF
    file.write_bytes(content)


def test_tables_survive_a_round_trip(store):
    assert store.write_table("shift", FRAME) == "tables/shift.parquet"
    pd.testing.assert_frame_equal(store.table("shift"), FRAME)
    assert store.tables() == ("shift",)
    assert store.has_table("shift")
    assert not store.has_table("map")


def test_arrays_survive_a_round_trip(store):
    arrays = {
        "pixels": np.arange(24, dtype=np.uint8).reshape(2, 1, 3, 4),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "one": np.array(3.5, dtype=np.float32),
        "none": np.zeros((0, 4), dtype=np.int16),
    }
    assert store.write_arrays("adversarial/at-seed0", arrays) == "arrays/adversarial/at-seed0.safetensors"
    back = store.arrays("adversarial/at-seed0")
    assert set(back) == set(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        np.testing.assert_array_equal(back[name], array)


def test_a_missing_table_lists_the_known_ones(store):
    store.write_table("map", FRAME)
    store.write_arrays("images", {"x": np.zeros(1)})
    with pytest.raises(FileNotFoundError, match="has no table 'mpa'; it has: map"):
        store.table("mpa")
    with pytest.raises(FileNotFoundError, match="has no arrays 'image'; it has: images"):
        store.arrays("image")
    with pytest.raises(FileNotFoundError, match="it has: none"):
        Store(store.path / "nowhere").table("map")


def test_a_step_is_finished_when_its_entry_is_written(store):
    assert not store.finished("train", "abc")
    table = store.write_table("history", FRAME)
    assert not store.finished("train", "abc")
    store.finish("train", "abc", [table], {"seconds": 1.5})
    assert store.finished("train", "abc")
    assert not store.finished("train", "abd")
    entry = store.manifest()["steps"]["train"]
    assert entry["facts"] == {"seconds": 1.5}
    file = store.path / table
    assert entry["files"][table] == {"sha256": file_digest(file), "bytes": file.stat().st_size, "rows": 2}


def test_a_step_with_a_missing_or_truncated_file_is_not_finished(store):
    table = store.write_table("history", FRAME)
    store.finish("train", "abc", [table])
    (store.path / table).write_bytes((store.path / table).read_bytes()[:-1])
    assert not store.finished("train", "abc")
    (store.path / table).unlink()
    assert not store.finished("train", "abc")


def test_notes_and_forgotten_steps(store):
    store.finish("a", "1", [])
    store.note(study={"name": "x"}, hardware="two cores")
    store.finish("b", "2", [])
    store.forget("a")
    store.forget("never there")
    manifest = store.manifest()
    assert set(manifest["steps"]) == {"b"}
    assert manifest["study"] == {"name": "x"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "the manifest is damaged"),
        ("[1]", "no list of steps"),
        ('{"schema": 1}', "no list of steps"),
        ('{"schema": 1, "steps": []}', "no list of steps"),
        ('{"schema": 1, "steps": {"a": {}}}', "no list of steps"),
        ('{"schema": 1, "steps": {"a": {"digest": "1", "files": {"x": {}}}}}', "no list of steps"),
        ('{"schema": 99, "steps": {}}', "schema 99, this version reads 1"),
    ],
)
def test_a_damaged_manifest_is_rejected_and_kept(store, text, reason):
    store.path.mkdir()
    (store.path / "manifest.json").write_text(text)
    for act in (store.manifest, lambda: store.finish("a", "1", []), lambda: store.note(x=1), lambda: store.forget("a")):
        with pytest.raises(DamagedFileError, match=r"manifest\.json: ") as caught:
            act()
        assert reason in str(caught.value)
        assert "nothing was overwritten: restore the file, or delete it" in str(caught.value)
    assert (store.path / "manifest.json").read_text() == text


def test_a_manifest_that_is_not_text(store):
    store.path.mkdir()
    (store.path / "manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedFileError, match=r"manifest\.json: the manifest is damaged"):
        store.manifest()


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "foreign"])
@pytest.mark.parametrize("kind", ["table", "arrays"])
def test_a_damaged_file_is_rejected_and_kept(store, kind, harm):
    if kind == "table":
        numbers = pd.DataFrame({"value": np.random.default_rng(0).normal(size=1000)})
        file = store.path / store.write_table("shift", numbers)
    else:
        file = store.path / store.write_arrays("shift", {"x": np.random.default_rng(0).normal(size=1000)})
    whole = file.read_bytes()
    if harm == "flipped":
        _flip(file, len(whole) // 2)
    else:
        file.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "foreign": b"hello" * 100}[harm])
    harmed = _files(store.path)
    with pytest.raises(DamagedFileError) as caught:
        store.table("shift") if kind == "table" else store.arrays("shift")
    assert str(file) in str(caught.value)
    assert "nothing was overwritten" in str(caught.value)
    assert _files(store.path) == harmed


def test_arrays_from_elsewhere_need_no_checksum(store):
    from safetensors.numpy import save_file

    (store.path / "arrays").mkdir(parents=True)
    save_file({"x": np.ones(2)}, store.path / "arrays" / "own.safetensors")
    np.testing.assert_array_equal(store.arrays("own")["x"], np.ones(2))


def test_a_failed_write_leaves_only_the_old_file(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError), replacing(file) as temporary:
        temporary.write_text("half \ud800", encoding="utf-8")
    assert _files(tmp_path) == {"a.txt": b"old"}
    with replacing(file) as temporary:
        temporary.write_text("new")
    assert _files(tmp_path) == {"a.txt": b"new"}


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"cannot write .*file/sub/a\.json: .*; choose another folder with --out"):
        Store(tmp_path / "file" / "sub").write_json("a.json", 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_reported(store):
    store.path.mkdir()
    store.path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"cannot write .*manifest\.json: Permission denied"):
        store.finish("a", "1", [])


FULL = """
import resource, sys
from pathlib import Path
import numpy as np, pandas as pd
from tla.store import Store
store = Store(Path(sys.argv[1]))
big = np.random.default_rng(0).normal(size=100_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for write in (
    lambda: store.write_table("big", pd.DataFrame({"value": big})),
    lambda: store.write_arrays("big", {"value": big}),
    lambda: store.write_text("manifest.json", "x" * 200_000),
):
    try:
        write()
    except OSError as error:
        print(error)
"""


def test_a_full_disk_leaves_every_old_file(store):
    """A limit on file sizes simulates a full disk: the system call fails in the middle of the file."""
    store.write_table("big", FRAME)
    store.write_arrays("big", {"value": np.ones(3)})
    store.finish("a", "1", [])
    before = _files(store.path)
    ran = subprocess.run([sys.executable, "-c", FULL, store.path], capture_output=True, text=True, check=False)
    lines = ran.stdout.splitlines()
    assert len(lines) == 3, ran.stdout + ran.stderr
    for line, name in zip(lines, ("big.parquet", "big.safetensors", "manifest.json"), strict=True):
        assert "cannot write" in line
        assert name in line
        assert "the old file is untouched" in line
    assert _files(store.path) == before


def test_a_full_disk_at_the_last_moment(store, monkeypatch):
    store.write_json("a.json", 1)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*a\.json: No space left on device; the old file is untouched"):
        store.write_json("a.json", 2)
    assert json.loads((store.path / "a.json").read_text()) == 1
    assert len(_files(store.path)) == 1


def test_half_written_files_are_not_tables(store):
    store.write_table("shift", FRAME)
    (store.path / "tables" / ".map.parquet.abc").write_text("killed here")
    (store.path / "tables" / ".map.parquet").write_text("killed here")
    assert store.tables() == ("shift",)


def test_the_store_needs_no_torch():
    code = "import sys, tla.store; sys.exit(len({'torch', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def recorded(store):
    """A finished step with a table and arrays."""
    files = [store.write_table("map", FRAME), store.write_arrays("images", {"test": np.arange(6.0)})]
    store.finish("analyse/at-seed0", "abc", files)
    return store


def test_a_valid_table_of_another_study_is_refused(recorded, tmp_path):
    other = Store(tmp_path / "other")
    other.write_table("map", FRAME.assign(value=[7.0, 8.0]))
    assert recorded.table("map").equals(FRAME)
    (recorded.path / "tables" / "map.parquet").write_bytes((other.path / "tables" / "map.parquet").read_bytes())
    with pytest.raises(DamagedFileError, match=r"map\.parquet is not the file that this study wrote; nothing was over"):
        recorded.table("map")
    assert recorded.changed() == ("tables/map.parquet",)
    assert not recorded.finished("analyse/at-seed0", "abc")


def test_a_flipped_byte_of_equal_size_is_not_finished(recorded):
    assert recorded.finished("analyse/at-seed0", "abc")
    _flip(recorded.path / "arrays" / "images.safetensors", -3)
    assert recorded.changed("analyse/at-seed0") == ("arrays/images.safetensors",)
    assert not recorded.finished("analyse/at-seed0", "abc")
    with pytest.raises(DamagedFileError, match=r"images\.safetensors is not the file"):
        recorded.arrays("images")


def test_a_file_is_hashed_once_and_again_when_it_is_recorded_anew(recorded, monkeypatch):
    hashed = []
    monkeypatch.setattr("tla.store.file_digest", lambda path: hashed.append(path.name) or file_digest(path))
    for _ in range(3):
        recorded.table("map")
    assert hashed == ["map.parquet"]
    recorded.finish("analyse/at-seed0", "new", [recorded.write_table("map", FRAME.assign(value=1.0))])
    hashed.clear()
    assert recorded.table("map")["value"].tolist() == [1.0, 1.0]
    assert hashed == ["map.parquet"]


def test_a_file_that_no_step_has_recorded_yet_is_read(store):
    store.write_table("map", FRAME)
    assert store.table("map").equals(FRAME)
    assert store.check("models/x/model.safetensors") == store.path / "models/x/model.safetensors"
