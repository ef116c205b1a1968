"""What a data source's file provides: one frozen dataclass that loads its two splits."""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

from tla.data.images import Images
from tla.registry import Registry


class Splits(NamedTuple):
    """A data set: what is trained on and what is tested on."""

    train: Images
    test: Images


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """Where images come from; subclasses are registered in `SOURCES`, one per file."""

    registry: ClassVar[Registry["Source"]]

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


def data_root(root: Path | None = None) -> Path:
    """The folder of data sets: `root`, else the variable TLA_DATA, else ~/.cache/tla."""
    if root is not None:
        return root
    named = os.environ.get("TLA_DATA")
    return Path(named) if named else Path.home() / ".cache" / "tla"
