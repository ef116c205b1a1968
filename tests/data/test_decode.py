"""Decoded pictures are cached, until a file changes."""

import os
from pathlib import Path

import pytest
import torch
from pictures import picture, pixels_of

from tla.data.folder import Folder
from tla.data.loading import decode
from tla.data.loading.decode import cache_folder, read_pictures


@pytest.fixture
def files(make_folder, monkeypatch) -> list[str]:
    monkeypatch.setattr(decode, "CACHED_FROM", 4)
    folder = make_folder({"cat": 3, "dog": 3})
    return sorted(str(file) for file in folder.rglob("*.png"))


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Every picture file that is decoded from now on."""
    files: list[str] = []
    real = decode._open
    monkeypatch.setattr(decode, "_open", lambda file, resize: (files.append(file), real(file, resize))[1])
    return files


def _read(files: list[str], **settings) -> torch.Tensor:
    return read_pictures(files, Path(files[0]).parents[1], **settings)


def test_the_second_time_no_picture_is_opened(files, opened):
    first = _read(files)
    assert sorted(opened) == files
    opened.clear()
    second = _read(files)
    assert not opened
    assert torch.equal(first, second)
    assert all(torch.equal(pixels, pixels_of(file)) for pixels, file in zip(second, files, strict=True))


def test_a_changed_file_is_read_again_and_the_old_cache_removed(files, opened):
    _read(files)
    (old,) = cache_folder().iterdir()
    picture(77).save(files[2])
    os.utime(files[2], ns=(1, 1))
    opened.clear()
    assert torch.equal(_read(files)[2], pixels_of(files[2]))
    assert len(opened) == 6
    assert [path for path in cache_folder().iterdir() if path == old] == []
    assert len(list(cache_folder().iterdir())) == 1


def test_other_sizes_have_a_separate_cache(files, opened):
    _read(files)
    assert _read(files, resize=4).shape == (6, 3, 4, 4)
    assert _read(files).shape == (6, 3, 5, 6)
    assert len(opened) == 12
    assert len(list(cache_folder().iterdir())) == 2


def test_the_pixels_may_be_written_to(files):
    _read(files)
    cached = _read(files)
    cached += 1
    assert not torch.equal(_read(files), cached)


@pytest.mark.parametrize("damage", [b"", b"hello", None])
def test_a_damaged_cache_is_replaced(files, opened, damage):
    expected = _read(files)
    (cache,) = cache_folder().iterdir()
    cache.write_bytes(cache.read_bytes()[:-5] if damage is None else damage)
    opened.clear()
    assert torch.equal(_read(files), expected)
    assert len(opened) == 6
    opened.clear()
    _read(files)
    assert not opened


def test_a_cache_that_cannot_be_written_is_a_warning(files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="decoded pictures are not cached: "):
        pixels = _read(files)
    assert len(pixels) == 6


def test_few_pictures_are_not_cached(make_folder):
    Folder(path=str(make_folder({"cat": 3, "dog": 3}))).load()
    assert not cache_folder().exists()
