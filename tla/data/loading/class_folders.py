"""Folders of class folders, listed so that every prefix is class-balanced."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from tla.data.loading.decode import read_pictures
from tla.data.loading.images import Images
from tla.data.loading.picture import PictureFormat
from tla.messages import readable

NO_PICTURES = ("thumbs.db", "desktop.ini", "__macosx")
"""What other programs leave in folders, in small letters; hidden files are left out too."""


class Listing(NamedTuple):
    """Picture files and their classes.

    Attributes:
        base: The folder that holds them.
        files: Their paths, ordered by id: the first of each class, then the second of each, and so on.
        labels: Class indices, shape (n,).
        classes: Names of the classes.
    """

    base: Path
    files: tuple[str, ...]
    labels: Int[Tensor, " n"]
    classes: tuple[str, ...]


def class_folders(folder: Path) -> tuple[Path, ...]:
    """The folders directly below, sorted by name, without hidden ones."""
    return tuple(sorted(path for path in folder.iterdir() if path.is_dir() and not _left_out(path.name)))


def list_folder(folder: Path, classes: Sequence[str] | None = None, *, empty: bool = False) -> Listing:
    """The pictures below a folder of class folders.

    Args:
        folder: Holds one folder per class, which may have subfolders. Hidden files are left out.
        classes: The allowed classes, in this order; by default the folders' names.
        empty: True if a class folder may be empty: the class is then one without pictures.

    Raises:
        ValueError: for fewer than two classes, a class without files, or one that is not in `classes`.
    """
    found = {readable(path.name): path for path in class_folders(folder)}
    if len(found) < (2 if classes is None else 1):
        raise ValueError(_too_few(folder, found))
    names = tuple(found) if classes is None else tuple(classes)
    unknown = [name for name in found if name not in names]
    if unknown:
        raise ValueError(f"{readable(str(folder))} has {_unknown(unknown, names)}")
    files = {names.index(name): sorted(_below(str(path))) for name, path in found.items()}
    for label, paths in files.items():
        if not paths and not empty:
            raise ValueError(
                f"{readable(str(folder))}/{names[label]} contains no pictures; remove it, or put some into it"
            )
    if not any(files.values()):
        raise ValueError(f"{readable(str(folder))} contains no pictures")
    return arrange(folder, files, names)


def arrange(base: Path, files: Mapping[int, Sequence[str]], classes: tuple[str, ...]) -> Listing:
    """Files by class index, in the order of a listing."""
    order = sorted((place, label) for label, paths in files.items() for place in range(len(paths)))
    return Listing(
        base,
        tuple(files[label][place] for place, label in order),
        torch.tensor([label for _, label in order], dtype=torch.int64),
        classes,
    )


def read_listing(listing: Listing, name: str, split: str, form: PictureFormat | None = None) -> Images:
    """The pictures of a listing, decoded.

    Raises:
        ValueError: for unreadable files or pictures of different sizes; names them.
    """
    return read_listings((listing,), (split,), listing.base, name, form)[0]


def read_listings(
    listings: Sequence[Listing], splits: Sequence[str], base: Path, name: str, form: PictureFormat | None = None
) -> list[Images]:
    """The pictures of several listings, decoded together: one size, one depth and one number of channels for all.

    Args:
        listings: Of one data set.
        splits: The name of each one's split.
        base: The folder that contains them all.
        name: Name of the data set.
        form: The form to bring the pictures to.

    Raises:
        ValueError: for unreadable files or pictures of different sizes; names them.
    """
    decoded = read_pictures([file for listing in listings for file in listing.files], base, form)
    parts = decoded.pixels.split([len(listing.files) for listing in listings])
    return [
        Images(
            pixels=pixels,
            labels=listing.labels,
            classes=listing.classes,
            ids=torch.arange(len(pixels)),
            name=name,
            split=split,
            notes=decoded.notes,
        )
        for listing, pixels, split in zip(listings, parts, splits, strict=True)
    ]


def _too_few(folder: Path, found: Mapping[str, Path]) -> str:
    got = f"only {next(iter(found))!r}" if found else "none"
    inner = next(iter(found.values()), None)
    hint = ""
    if inner is not None and class_folders(inner):
        hint = f"; if the classes are inside that one, name it: folder:{readable(str(inner))}"
    return f"{readable(str(folder))} must hold at least two class folders, got {got}{hint}"


def _unknown(unknown: Sequence[str], names: Sequence[str]) -> str:
    few = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
    known = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"classes that are not among the {len(names)} known ones ({known}): {few}"


def _left_out(name: str) -> bool:
    return name.startswith(".") or name.lower() in NO_PICTURES


def _below(folder: str) -> Iterator[str]:
    """Paths as strings: listing 50,000 pictures is three times as fast."""
    for entry in os.scandir(folder):
        if _left_out(entry.name):
            continue
        if entry.is_dir():
            yield from _below(entry.path)
        else:
            yield entry.path
