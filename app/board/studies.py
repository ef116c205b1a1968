"""Opening studies: tables are read once per version of the manifest, which is written last, and are never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from tla.memory import trim
from tla.messages import radius_text
from tla.plots.drawing.condition import said
from tla.plots.drawing.theme import methods_of
from tla.statistics.conditions import of_condition
from tla.store import DamagedFileError, Store
from tla.study.bare import TABLES, is_bare
from tla.study.locate import SHIPPED, available, name_of, own_studies, shipped_studies

if TYPE_CHECKING:
    from tla.threat import Norm


class MissingDataError(LookupError):
    """The study does not have, or not yet, what a page shows."""


class NotInEmbeddingsError(MissingDataError):
    """A study of embeddings alone cannot have what a page shows; says why, and no command would make it."""


class WithoutImagesError(MissingDataError):
    """The study came without images, and a page needs them; they can be filled in."""


LONG = 100_000
"""Rows of a table whose memory counts."""
WITHOUT_A_MODEL = {
    "attacks": "accuracy under attack",
    "trajectory": "the path of an attack",
    "path": "the path of an attack",
    "layers": "similarity layer by layer",
    "audit": "the audit",
    "history": "learning curves",
    "transfer": "transferred attacks",
}
"""Tables that need a model to be run, and what they show."""
WITHOUT_CLASSES = {"detection": "Detection", "retrieval": "Retrieval"}
"""Tables that need the classes of the images."""


def root() -> Path:
    """The folder of your own studies: the variable TLA_STUDIES, else studies/ in the working directory."""
    return own_studies()


def studies() -> dict[str, Path]:
    """Name and folder of every study that can be opened.

    A shipped study is listed as "NAME (shipped)" while your own of the same name is not finished. Studies that ship
    with tables alone serve the figures only and are left out.
    """
    shipped = {manifest.parent.name: manifest.parent for manifest in shipped_studies().glob("*/manifest.json")}
    bare = [path for name, path in shipped.items() if open_study(name, path).manifest.get("packed") == TABLES]
    found = {name: folder for name, folder in available(root()).items() if folder not in bare}
    for name, folder in shipped.items():
        if folder not in bare and found[name] != folder and not finished(name, found[name]):
            found[f"{name}{SHIPPED}"] = folder
    return found


def sweeps() -> dict[str, Path]:
    """Name and folder of every finished sweep, your own and shipped ones."""
    found = available(root())
    return {name: path for name, path in found.items() if Store(path).has_table("ablation") and finished(name, path)}


def finished(name: str, path: Path) -> bool:
    """True if a study is complete; one with a damaged manifest is not."""
    try:
        return open_study(name, path).complete
    except DamagedFileError:
        return False


def ships(path: Path) -> bool:
    """True if a study came with the package."""
    return path.parent == shipped_studies()


@dataclass(frozen=True)
class View:
    """One study, read-only.

    Args:
        name: Name of its folder.
        path: Its folder.
        stamp: Time at which its manifest was last written, nanoseconds; part of every cache key.
        chosen: In a study of embeddings the condition that is shown; by default its main one.
    """

    name: str
    path: Path
    stamp: int
    chosen: str = ""

    @cached_property
    def store(self) -> Store:
        """The study folder."""
        return Store(self.path)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Its manifest.

        Raises:
            DamagedFileError: if it cannot be read.
        """
        return self.store.manifest()

    @property
    def plan(self) -> dict[str, Any]:
        """The study's configuration: nested plain values."""
        return self.manifest.get("study", {})

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""
        return list(self.manifest.get("data", {}).get("classes", []))

    @property
    def methods(self) -> list[str]:
        """Names of the models that differ in more than the seed, in the order of all figures."""
        return methods_of([*self.plan.get("methods", []), *self.given])

    @property
    def given(self) -> dict[str, dict[str, Any]]:
        """How each given model is loaded, by its name."""
        start = self.start
        before = {start["name"]: self.plan["start"][start["name"]]} if start.get("compared") else {}
        return {**before, **self.plan.get("given", {})}

    @property
    def start(self) -> dict[str, Any]:
        """What every method trained further: name, how it is loaded, fingerprint; empty if they began from scratch."""
        return dict(self.manifest.get("start") or {})

    @property
    def seeds(self) -> list[int]:
        """Training seeds."""
        return list(self.plan.get("seeds", [0]))

    @property
    def eps(self) -> float:
        """Radius of the attacks in training and in evaluation, pixel units."""
        return float(self.plan.get("attack", {}).get("eps", 0.0))

    @property
    def radius(self) -> str:
        """The radius in words: "8/255"."""
        return radius_text(self.eps)

    @property
    def norm(self) -> "Norm":
        """Norm of the threat."""
        return self.plan.get("attack", {}).get("norm", "linf")

    @property
    def embeddings(self) -> dict[str, Any]:
        """What a study of embeddings alone holds; empty for every other study."""
        return dict(self.manifest.get("embeddings") or {})

    @property
    def conditions(self) -> list[str]:
        """In a study of embeddings the conditions that are compared with clean images; else none."""
        return list(self.embeddings.get("conditions", []))

    @property
    def condition(self) -> str:
        """In a study of embeddings the condition that is shown; else ""."""
        return self.chosen if self.chosen in self.conditions else str(self.embeddings.get("main", ""))

    @property
    def under(self) -> str:
        """What the images are under, in words: the main attack with norm and radius, or the condition."""
        return f"“{self.condition}”" if self.condition else f"{self.main} at {self.norm.capitalize()} eps {self.radius}"

    def said(self, text: str) -> str:
        """A sentence about an attack and training images, as one about what this study has instead."""
        return said(text, self.condition, shared=self.shared)

    @property
    def main(self) -> str:
        """Label of the attack whose images are embedded and mapped; in a study of embeddings the condition."""
        return self.condition or str(self.plan.get("attack", {}).get("main", "pgd"))

    @property
    def complete(self) -> bool:
        """True if every step is finished."""
        return bool(self.manifest.get("complete"))

    @property
    def bare(self) -> bool:
        """True if it came without images, which can be filled in from the data set."""
        return is_bare(self.manifest)

    @property
    def shipped(self) -> bool:
        """True if it came with the package."""
        return self.path.is_relative_to(shipped_studies())

    @property
    def known_as(self) -> str:
        """What `tla.study.locate` finds it by in any folder; in Python that a page shows."""
        return name_of(self.path)

    def has(self, name: str) -> bool:
        """True if the study has this table."""
        return self.store.has_table(name)

    def table(self, name: str) -> pd.DataFrame:
        """A table, shared by all users: select from it, never change it.

        Raises:
            MissingDataError: if the study has no such table; says why.
        """
        try:
            return _table(str(self.path), name, self.stamp, self.condition)
        except FileNotFoundError:
            if self.embeddings:
                raise NotInEmbeddingsError(self.why_not(name)) from None
            state = "is not finished yet" if not self.complete else "was made without it"
            raise MissingDataError(f"The study {self.name!r} has no table {name!r}: it {state}.") from None

    def need(self, what: str, *, classes: bool = False, pictures: bool = False) -> None:
        """Stop the page where a study came without what it shows.

        Args:
            what: What is shown, the start of a sentence.
            classes: It needs the classes of the images.
            pictures: It needs pictures of the test images, and attacked or in the condition.

        Raises:
            WithoutImagesError: if it came without images, which can be filled in.
            NotInEmbeddingsError: if a study of embeddings lacks them; says which file would bring them.
        """
        if pictures and self.bare:
            raise WithoutImagesError(f"{what} needs pictures, and this study came without.")
        if not self.embeddings:
            return
        if classes and not self.embeddings.get("classes"):
            raise NotInEmbeddingsError(
                f"{what} needs at least two classes, and these embeddings came without: add y_test.npy."
            )
        if pictures and self.condition not in self.embeddings.get("pictures", []):
            raise NotInEmbeddingsError(
                f"{what} needs pictures, and these embeddings came without: add images_test.npy and "
                f"images_{self.condition}.npy."
            )

    def why_not(self, table: str) -> str:
        """Why a study of embeddings does not have a table, in a sentence."""
        if table in WITHOUT_A_MODEL:
            what = WITHOUT_A_MODEL[table]
            return (
                f"This study was made from embeddings alone, and {what} needs a model. "
                "With one: `tla study DATA --given NAME=MODEL`."
            )
        if table in WITHOUT_CLASSES and not self.embeddings.get("classes"):
            return (
                f"{WITHOUT_CLASSES[table]} needs at least two classes, and these embeddings came without: "
                "add y to test.parquet, or y_test.npy."
            )
        return f"This study of embeddings has no table {table!r}."

    def arrays(self, name: str) -> Mapping[str, np.ndarray]:
        """Arrays, shared by all users: read-only.

        Raises:
            MissingDataError: if the study has no such arrays.
        """
        try:
            return _arrays(str(self.path), name, self.stamp)
        except FileNotFoundError:
            raise MissingDataError(f"The study {self.name!r} has no arrays {name!r}.") from None

    @cached_property
    def _images(self) -> Mapping[str, np.ndarray]:
        return self.arrays("images")

    @cached_property
    def positions(self) -> dict[int, int]:
        """Row in `images/test` of every id."""
        return {int(i): k for k, i in enumerate(self._images["test_id"])}

    @cached_property
    def shared(self) -> bool:
        """True if the gallery is of the test images, of which each is compared with the others."""
        return bool(self.manifest.get("data", {}).get("shared"))

    @cached_property
    def gallery_positions(self) -> dict[int, int]:
        """Row in `images/gallery` of every id of the training images in it."""
        return {int(i): k for k, i in enumerate(self._images["gallery_id"])}

    @property
    def ids(self) -> list[int]:
        """Ids of the attacked test images."""
        return list(self.positions)

    def true_class(self, sample: int) -> int:
        """True class of a test image; -1 if it is not known."""
        return int(self._images["test_y"][self.positions[sample]])

    def class_name(self, index: int) -> str:
        """Name of a class."""
        return self.classes[index] if 0 <= index < len(self.classes) else "unknown" if index < 0 else str(index)

    def clean_picture(self, sample: int) -> list[np.ndarray]:
        """The picture of a test image; none if the study has no pictures."""
        images = self._images
        return [images["test"][self.positions[sample]]] if "test" in images else []

    def gallery_pictures(self, samples: list[int]) -> dict[int, list[np.ndarray]]:
        """The pictures of training images, by their ids; empty if the study has none of them."""
        images = self._images
        if "gallery" not in images:
            return {}
        return {sample: [images["gallery"][self.gallery_positions[sample]]] for sample in samples}


def open_study(name: str, path: Path, condition: str = "") -> View:
    """The study as it is on disk; the same object until its manifest is rewritten.

    Args:
        name: Of its folder.
        path: Its folder.
        condition: In a study of embeddings the one to show.
    """
    manifest = path / "manifest.json"
    return _view(name, path, manifest.stat().st_mtime_ns if manifest.exists() else 0, condition)


@st.cache_resource(show_spinner=False, max_entries=16)
def _view(name: str, path: Path, stamp: int, condition: str) -> View:
    return View(name, path, stamp, condition)


@st.cache_resource(show_spinner=False, max_entries=64)
def _table(path: str, name: str, stamp: int, condition: str) -> pd.DataFrame:
    table = small(of_condition(Store(Path(path)).table(name), condition))
    trim()  # reading takes several times what the table keeps
    return table


def small(table: pd.DataFrame) -> pd.DataFrame:
    """A long table with its integers in 32 bits where they fit: the neighbours of 5,000 images are 300,000 rows."""
    if len(table) < LONG:
        return table
    limits, wide = np.iinfo(np.int32), table.select_dtypes(np.int64)
    values = {str(name): table[name].to_numpy() for name in wide}
    fits = [name for name, column in values.items() if limits.min <= column.min() and column.max() <= limits.max]
    return table.astype(dict.fromkeys(fits, np.int32))


@st.cache_resource(show_spinner=False, max_entries=32)
def _arrays(path: str, name: str, stamp: int) -> dict[str, np.ndarray]:
    arrays = Store(Path(path)).arrays(name)
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


__all__ = [
    "DamagedFileError",
    "MissingDataError",
    "NotInEmbeddingsError",
    "View",
    "open_study",
    "root",
    "studies",
    "sweeps",
]
