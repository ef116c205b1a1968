"""What holds for any registered data source."""

import dataclasses
import os
import socket
import tempfile
from pathlib import Path
from unittest.mock import patch

import torch
from settings_contract import check_settings

from tla.data import SOURCES


def source_at(name, root):
    """A source with its defaults; one that needs a path gets the root, one that needs a function "ROOT:make"."""
    needed = [f.name for f in dataclasses.fields(SOURCES.get(name)) if f.default is dataclasses.MISSING]
    return SOURCES.build(name, **{key: f"{root}:make" if key == "function" else str(root) for key in needed})


def check_source(name, root):
    """Two splits of labelled bytes, the same every time; a folder without the data is named. Nothing is downloaded.

    Args:
        name: Name of the source.
        root: The folder of data sets, or the folder of pictures, the file or the module of a source that takes one.
    """
    source = source_at(name, root)
    check_settings(source)
    with patch.object(socket, "getaddrinfo", side_effect=OSError("no network")):
        _check_splits(name, source, root)


def _check_splits(name, source, root):
    splits, again = source.load(root), source.load(root)
    assert splits.train.classes == splits.test.classes
    assert splits.train.shape == splits.test.shape
    assert splits.train.name == splits.test.name
    for images, same, split in zip(splits, again, ("train", "test"), strict=True):
        _check_images(images, split)
        assert torch.equal(images.pixels, same.pixels)
        assert torch.equal(images.labels, same.labels)
    _check_wrong_root(name, splits)


def _check_images(images, split):
    assert images.split == split
    assert len(images) > 0
    assert images.pixels.dtype == torch.uint8
    assert images.pixels.shape == (len(images), *images.shape)
    assert images.pixels.is_contiguous()
    assert images.pixels.min() < images.pixels.max()
    assert images.labels.dtype == torch.int64
    assert images.labels.min() >= 0
    assert images.labels.max() < len(images.classes)
    assert images.ids.tolist() == list(range(len(images)))
    assert len(images.classes) >= 2
    assert len(set(images.classes)) == len(images.classes)
    assert all(images.classes)


def _check_wrong_root(name, splits):
    """An empty root gives an error that names it, or the same images where it is not read."""
    with tempfile.TemporaryDirectory() as folder:
        nowhere = Path(folder) / "nowhere"
        clean = {key: value for key, value in os.environ.items() if key != "TLA_DATA"} | {"HOME": folder}
        with patch.dict(os.environ, clean, clear=True):
            try:
                found = source_at(name, nowhere).load(nowhere)
            except (FileNotFoundError, ValueError) as error:
                found, text = splits, str(error)
            else:
                text = str(nowhere)
        assert str(nowhere) in text
        assert torch.equal(found.train.pixels, splits.train.pixels)
