"""Decoded pictures are cached, until a file changes."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import picture, pixels_of
from PIL import Image

from tla.data.folder import Folder
from tla.data.loading import decode
from tla.data.loading.cache import cache_folder
from tla.data.loading.decode import read_pictures
from tla.data.loading.picture import PictureFormat


@pytest.fixture
def files(make_folder, monkeypatch) -> list[str]:
    monkeypatch.setattr(decode, "CACHED_FROM", 4)
    folder = make_folder({"cat": 3, "dog": 3})
    return sorted(str(file) for file in folder.rglob("*.png"))


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Every picture file that is decoded from now on."""
    files: list[str] = []
    real = decode.open_picture
    monkeypatch.setattr(decode, "open_picture", lambda file, *how: (files.append(file), real(file, *how))[1])
    return files


def _read(files: list[str], **settings) -> torch.Tensor:
    return read_pictures(files, Path(files[0]).parents[1], PictureFormat(**settings)).pixels


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


def test_one_flipped_bit_is_found(files, opened):
    expected = _read(files)
    (cache,) = cache_folder().iterdir()
    content = bytearray(cache.read_bytes())
    content[-7] ^= 16
    cache.write_bytes(content)
    opened.clear()
    assert torch.equal(_read(files), expected)
    assert len(opened) == 6
    assert cache.read_bytes() != content


def test_names_that_are_not_utf8_are_cached(make_folder, monkeypatch, opened):
    monkeypatch.setattr(decode, "CACHED_FROM", 2)
    folder = make_folder({"cat": 2})
    (folder / "cat" / "000.png").rename(os.fsdecode(os.fsencode(folder / "cat") + b"/caf\xe9.png"))
    files = sorted(str(file) for file in folder.rglob("*.png"))
    first = _read(files)
    opened.clear()
    assert torch.equal(_read(files), first)
    assert not opened


def test_what_was_decided_is_kept_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "CACHED_FROM", 2)
    files = []
    for i in range(3):
        files.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(np.full((5, 6), 1000 * i, dtype=np.uint16)).save(files[-1])
    first, second = (read_pictures(files, tmp_path) for _ in range(2))
    assert first.notes == second.notes
    assert "the largest value is 2,000: read as 12 bits" in first.notes[0]
    assert torch.equal(first.pixels, second.pixels)


def test_a_cache_that_cannot_be_written_is_a_warning(files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="decoded pictures are not cached: "):
        pixels = _read(files)
    assert len(pixels) == 6


def test_few_pictures_are_not_cached(make_folder):
    Folder(path=str(make_folder({"cat": 3, "dog": 3}))).load()
    assert not cache_folder().exists()
