"""MNIST, in torchvision's format."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import UInt8
from torch import Tensor

from tla.data.base import SOURCES, Source, Splits, data_root, data_roots, find_or_fetch, fingerprint_of
from tla.data.loading.images import Images

_FILES = {"train": "train", "test": "t10k"}
_HOW = (
    "Run it once with a network connection, or put torchvision's files (train-images-idx3-ubyte and the other three) "
    "into MNIST/raw of a folder and name that folder with --data or TLA_DATA"
)


@SOURCES.register("mnist")
@dataclass(frozen=True, kw_only=True)
class MNIST(Source):
    """70,000 handwritten digits of 28 x 28 pixels (LeCun et al. 1998); downloaded if not found."""

    downloaded: ClassVar[bool] = True
    credit: ClassVar[str] = (
        "The images are a part of MNIST by Yann LeCun and Corinna Cortes (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: "
        "Gradient-based learning applied to document recognition, 1998), licensed under CC BY-SA 3.0, "
        "https://creativecommons.org/licenses/by-sa/3.0/; so are the adversarial images, which were made from them."
    )

    def load(self, root: Path | None = None) -> Splits:
        """Train (60,000 images) and test (10,000).

        Raises:
            ValueError: for a damaged file; names it.
            FileNotFoundError: if the files are not found and cannot be downloaded; says where it looked.
        """
        raw = find_or_fetch("mnist", self._candidates(root), _complete, lambda: _fetch(data_root(root)), _HOW)
        return Splits(_read(raw, "train"), _read(raw, "test"))

    def listing(self, root: Path | None = None) -> str:
        """Names, sizes and times of its files; that of no file if they are not found."""
        found = [path for path in self._candidates(root) if _complete(path)]
        return fingerprint_of(*found[:1])

    def _candidates(self, root: Path | None) -> list[Path]:
        return [folder / "MNIST" / "raw" for folder in data_roots(root)]


def _names(split: str) -> tuple[str, str]:
    return f"{_FILES[split]}-images-idx3-ubyte", f"{_FILES[split]}-labels-idx1-ubyte"


def _complete(raw: Path) -> bool:
    return all((raw / name).is_file() for split in _FILES for name in _names(split))


def _fetch(root: Path) -> Path:
    from torchvision.datasets import MNIST as Torchvision

    Torchvision(str(root), download=True)
    return root / "MNIST" / "raw"


def _read(raw: Path, split: str) -> Images:
    images, labels = _names(split)
    pixels, y = _read_idx(raw / images, 3)[:, None], _read_idx(raw / labels, 1).long()
    if len(pixels) != len(y) or not len(y) or int(y.max()) > 9:
        raise ValueError(f"{raw}: {images} has {len(pixels)} images, {labels} has {len(y)} labels; one is damaged")
    return Images(pixels, y, tuple("0123456789"), torch.arange(len(y)), "mnist", split)


def _read_idx(file: Path, dimensions: int) -> UInt8[Tensor, "n ..."]:
    """An IDX file of bytes: 0, 0, 8, the number of dimensions, their sizes in four bytes each, the data.

    Importing torchvision would take longer than reading all of MNIST.
    """
    content = bytearray(file.read_bytes())
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(content[i : i + 4]) for i in range(4, start, 4)]
    if content[:4] != bytes([0, 0, 8, dimensions]) or not len(content) == start + prod(shape) > start:
        raise ValueError(f"{file}: damaged (no IDX file of {dimensions} dimensions); delete it to download it again")
    return torch.frombuffer(content, dtype=torch.uint8, offset=start).reshape(shape)
