"""What a data source's file provides: one frozen dataclass that loads two splits."""

import hashlib
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from tla.config import source_values
from tla.data.loading.images import Images
from tla.machine import home_cache
from tla.messages import did_you_mean
from tla.registry import Registry

TIMEOUT = 30.0
"""Seconds to wait for a server."""


class Splits(NamedTuple):
    """The training and test images of a data set."""

    train: Images
    test: Images

    @property
    def shared(self) -> bool:
        """True if both are images of one split, whose ids say which image of one is which of the other."""
        return self.train.split == self.test.split


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """Where images come from; subclasses are registered in `SOURCES`, one per file."""

    registry: ClassVar[Registry["Source"]]
    downloaded: ClassVar[bool] = False
    """True if its files are published elsewhere; tests then need TLA_DATA."""
    credit: ClassVar[str] = ""
    """Who made the images, and the licence under which they may be passed on; a packed study says so beside them."""

    def listing(self, root: Path | None = None) -> str | None:
        """A fingerprint of the files that `load` would read: names, sizes and times.

        A study asks whether its data are still those it was made from, without reading them.

        Args:
            root: As for `load`.

        Returns:
            The fingerprint; empty if nothing can change; None if only reading the images can tell.
        """
        return None

    @abstractmethod
    def load(self, root: Path | None = None) -> Splits:
        """Read both splits.

        Args:
            root: Folder of data sets, and of downloads; by default `data_root()`.

        Raises:
            ValueError: if the data is damaged or unusable; names the file.
            FileNotFoundError: if it is not found and cannot be downloaded; says where it looked.
        """

    def load_whole(self, root: Path | None = None) -> Splits:
        """Read the images for models that are not trained here: without a test split, all of them are test images.

        Args:
            root: As for `load`.

        Returns:
            Both splits, or the test images twice if there are no others (see `Splits.shared`).

        Raises:
            ValueError: as `load`.
            FileNotFoundError: as `load`.
        """
        return self.load(root)


def fingerprint_of(*paths: Path) -> str:
    """A fingerprint of files and of all files below folders: names, sizes and times of change."""
    total = hashlib.sha256()
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            try:
                facts = file.stat()
            except OSError:  # gone, or never there
                continue
            name = os.fsencode(file.relative_to(path) if path.is_dir() else file.name)
            total.update(name + f" {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return total.hexdigest()[:16]


SOURCES: Registry[Source] = Registry("data set", "tla.data")
Source.registry = SOURCES


def load_source(text: str) -> Source:
    """A data source from its name on the command line.

    Args:
        text: "digits", "mnist", "folder:PATH" for any folder of class folders, and the other forms of
            `tla.config.source_values`; settings may follow, as in "folder:PATH@resize=64,channels=1".

    Raises:
        ValueError: if there is no such data set; lists those there are.
    """
    values = source_values(text)
    known = values["name"] in SOURCES.names() or values["name"].replace("_", "-") in SOURCES.names()
    if not known:
        _refuse_path(text, values["name"])
    return SOURCES.build(**values)


def _refuse_path(text: str, name: str) -> None:
    """A path where a data set's name is expected: say how it is written, or that nothing is there."""
    path = Path(text).expanduser()
    if path.exists():
        kind = "folder" if path.is_dir() else path.suffix.removeprefix(".").lower() or "csv"
        what = "folder" if kind == "folder" else "file"
        raise ValueError(f"unknown data set {text!r}; for the {what} of that name write {kind}:{text}")
    if Path(name).name != name:
        raise ValueError(f"no file or folder {text}; {did_you_mean(text, SOURCES.names())}, or folder:PATH")


def data_root(root: Path | None = None) -> Path:
    """The folder of data sets: `root`, else the variable TLA_DATA, else ~/.cache/tla."""
    return data_roots(root)[0]


def data_roots(root: Path | None = None) -> tuple[Path, ...]:
    """The folders searched for data sets, in this order; downloads go to the first."""
    named = os.environ.get("TLA_DATA")
    folders = (root, Path(named) if named else None, home_cache() / "tla")
    return tuple(dict.fromkeys(folder.expanduser() for folder in folders if folder is not None))


def find_or_fetch(
    name: str, candidates: Sequence[Path], holds: Callable[[Path], bool], fetch: Callable[[], Path] | None, how: str
) -> Path:
    """The first path that holds a data set, or the one it was downloaded to.

    Args:
        name: Name of the data set.
        candidates: Files or folders that may hold it.
        holds: True for a path that does.
        fetch: Downloads it and returns its path; None if it cannot be downloaded.
        how: How to get it by hand.

    Raises:
        FileNotFoundError: if it is not found and cannot be downloaded; says where it looked, why the download failed,
            and how to get it.
    """
    for path in candidates:
        if holds(path):
            return path
    why = ""
    if fetch is not None:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(TIMEOUT)
        try:
            return fetch()
        except (OSError, RuntimeError) as error:
            why = f"; the download failed ({' '.join(str(error).split())})"
        finally:
            socket.setdefaulttimeout(before)
    searched = ", ".join(str(path) for path in candidates)
    raise FileNotFoundError(f"{name} was not found: searched {searched}{why}. {how}")
