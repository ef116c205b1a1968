"""CIFAR-10, in torchvision's format or as class folders."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from tla.data.base import SOURCES, Source, Splits, data_root, data_roots, find_or_fetch, fingerprint_of
from tla.data.loading.class_folders import class_folders, list_folder, read_listing
from tla.data.loading.images import Images

_BATCHES = "cifar-10-batches-py"
_HOW = (
    f"Run it once with a network connection, or put torchvision's {_BATCHES}, or class folders "
    "cifar10/train/CLASS/*.png and cifar10/test/CLASS/*.png, into a folder and name that folder with --data or TLA_DATA"
)


@SOURCES.register("cifar10")
@dataclass(frozen=True, kw_only=True)
class CIFAR10(Source):
    """60,000 photographs of ten classes, 32 x 32 pixels (Krizhevsky 2009); downloaded if not found."""

    downloaded: ClassVar[bool] = True

    def load(self, root: Path | None = None) -> Splits:
        """Train (50,000 images) and test (10,000).

        Raises:
            ValueError: for a damaged file; names it.
            FileNotFoundError: if the files are not found and cannot be downloaded; says where it looked.
        """
        found = find_or_fetch("cifar10", self._candidates(root), _holds, lambda: _fetch(data_root(root)), _HOW)
        if found.name == _BATCHES:
            return Splits(_from_batches(found, "train"), _from_batches(found, "test"))
        train = list_folder(found / "train")
        test = list_folder(found / "test", train.classes)
        return Splits(read_listing(train, "cifar10", "train"), read_listing(test, "cifar10", "test"))

    def listing(self, root: Path | None = None) -> str:
        """Names, sizes and times of its files; that of no file if they are not found."""
        found = [path for path in self._candidates(root) if _holds(path)]
        return fingerprint_of(*found[:1])

    def _candidates(self, root: Path | None) -> list[Path]:
        return [folder / name for folder in data_roots(root) for name in (_BATCHES, "cifar10")]


def _holds(folder: Path) -> bool:
    if folder.name == _BATCHES:
        return (folder / "batches.meta").is_file()
    return all((folder / split).is_dir() and class_folders(folder / split) for split in ("train", "test"))


def _fetch(root: Path) -> Path:
    from torchvision.datasets import CIFAR10 as Torchvision

    Torchvision(str(root), download=True)
    return root / _BATCHES


def _from_batches(folder: Path, split: str) -> Images:
    """torchvision's reader unpickles only files with the published checksum."""
    from torchvision.datasets import CIFAR10 as Torchvision

    try:
        data = Torchvision(str(folder.parent), train=split == "train")
    except RuntimeError:
        raise ValueError(f"{folder}: damaged (a checksum differs); delete the folder to download it again") from None
    pixels = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
    y = torch.tensor(data.targets, dtype=torch.int64)
    return Images(pixels, y, tuple(data.classes), torch.arange(len(y)), "cifar10", split)
