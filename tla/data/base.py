"""What a data source's file provides: one frozen dataclass that loads its two splits."""

import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from tla.data.loading.images import Images
from tla.registry import Registry

PATIENCE = 30.0
"""Seconds that a silent server is waited for."""


class Splits(NamedTuple):
    """A data set: what is trained on and what is tested on."""

    train: Images
    test: Images


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """Where images come from; subclasses are registered in `SOURCES`, one per file."""

    registry: ClassVar[Registry["Source"]]
    downloaded: ClassVar[bool] = False
    """True if its files are published elsewhere; tests then need TLA_DATA."""

    @abstractmethod
    def load(self, root: Path | None = None) -> Splits:
        """Read both splits.

        Args:
            root: Folder that holds (or shall hold) data sets; by default `data_root()`.

        Raises:
            ValueError: if the data are damaged or unusable; names the file.
            FileNotFoundError: if they are not there and cannot be had; says where it looked.
        """


SOURCES: Registry[Source] = Registry("data set", "tla.data")
Source.registry = SOURCES


def load_source(text: str) -> Source:
    """A data source as the command line writes it.

    Args:
        text: "digits", "mnist", "cifar10", "tiny-imagenet", or "folder:PATH" for any folder of class folders.

    Raises:
        ValueError: if there is no such data set; says which there are.
    """
    name, colon, path = text.partition(":")
    if colon and name == "folder":
        return SOURCES.build("folder", path=path)
    if text not in SOURCES.names() and Path(text).expanduser().is_dir():
        raise ValueError(f"unknown data set {text!r}; for the folder of that name write folder:{text}")
    return SOURCES.build(text)


def data_root(root: Path | None = None) -> Path:
    """The folder of data sets: `root`, else the variable TLA_DATA, else ~/.cache/tla."""
    return data_roots(root)[0]


def data_roots(root: Path | None = None) -> tuple[Path, ...]:
    """Where data sets are looked for, in this order; the first is where downloads go."""
    named = os.environ.get("TLA_DATA")
    places = (root, Path(named) if named else None, Path.home() / ".cache" / "tla")
    return tuple(dict.fromkeys(place.expanduser() for place in places if place is not None))


def find_or_fetch(
    name: str, looked: Sequence[Path], there: Callable[[Path], bool], fetch: Callable[[], Path] | None, how: str
) -> Path:
    """The first of several places where a data set is, or where it was just downloaded to.

    Args:
        name: Name of the data set.
        looked: Files or folders that would be it.
        there: True for a place that holds it.
        fetch: Downloads it and says where to; none where that cannot be done.
        how: How to get it by hand.

    Raises:
        FileNotFoundError: if it is nowhere and cannot be downloaded; says where it looked, why not, and how to get it.
    """
    for place in looked:
        if there(place):
            return place
    why = ""
    if fetch is not None:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(PATIENCE)
        try:
            return fetch()
        except (OSError, RuntimeError) as error:
            why = f"; the download failed ({' '.join(str(error).split())})"
        finally:
            socket.setdefaulttimeout(before)
    places = ", ".join(str(place) for place in looked)
    raise FileNotFoundError(f"{name} is not there: looked for {places}{why}. {how}")
