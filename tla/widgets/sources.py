"""Where a widget's tables come from: a study, frames, or anything with `table` and `has_table`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from tla.plots.drawing.map_points import main_map
from tla.statistics.conditions import of_condition
from tla.statistics.frame import Frame
from tla.study.locate import open_study

MAP_COLUMNS = ("method", "seed", "projection", "kind", "id", "y", "prediction", "u", "v")
_DEFAULTS: dict[str, Any] = {"method": "model", "seed": 0, "projection": "map"}


@runtime_checkable
class TableSource(Protocol):
    """What a widget reads: `tla.Store` is one."""

    def has_table(self, name: str) -> bool:
        """True if there is such a table."""
        ...

    def table(self, name: str) -> Any:
        """A table by name, as docs/architecture.md describes it."""
        ...

    def arrays(self, name: str) -> Any:
        """Arrays by name; raises FileNotFoundError where there are none."""
        ...

    def manifest(self) -> dict[str, Any]:
        """Class names, attack and versions, as in a study's manifest."""
        ...


class Frames:
    """Frames with the columns of a study's tables, read as a study is.

    Args:
        frames: By the name of the table: "map", "shift", "detection", ...; a map's columns method, seed and projection
            may be missing.
        classes: Names of the classes.
        images: "test" (n, c, h, w) with "test_id", "gallery" with "gallery_id", as a study's arrays "images".
    """

    def __init__(
        self,
        frames: Mapping[str, pd.DataFrame],
        classes: Sequence[str] = (),
        images: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self._frames = dict(frames)
        if "map" in self._frames:
            self._frames["map"] = _complete(self._frames["map"])
        self._classes, self._images = list(classes), images

    def having(self, classes: Sequence[str], images: Mapping[str, np.ndarray] | None) -> "Frames":
        """The same frames with names of classes and with images."""
        return Frames(self._frames, classes, images)

    def has_table(self, name: str) -> bool:
        """True if this frame was given."""
        return name in self._frames

    def table(self, name: str) -> pd.DataFrame:
        """A frame by name.

        Raises:
            FileNotFoundError: if it was not given; lists those that were.
        """
        if name not in self._frames:
            raise FileNotFoundError(f"there is no frame {name!r}; given were: {', '.join(sorted(self._frames))}")
        return self._frames[name]

    def arrays(self, name: str) -> Mapping[str, np.ndarray]:
        """The images, if they were given.

        Raises:
            FileNotFoundError: for anything else.
        """
        if name == "images" and self._images is not None:
            return self._images
        raise FileNotFoundError(f"there are no arrays {name!r}")

    def manifest(self) -> dict[str, Any]:
        """The class names."""
        return {"data": {"classes": self._classes}, "study": {}, "steps": {}}


class OneCondition:
    """A study of embeddings, of which one condition is shown as the attack.

    Args:
        store: The study.
        condition: Which.
    """

    def __init__(self, store: TableSource, condition: str) -> None:
        self._store, self.condition = store, condition

    def has_table(self, name: str) -> bool:
        """True if the study has it."""
        return self._store.has_table(name)

    def table(self, name: str) -> Any:
        """Its rows of the condition and of the clean images."""
        return of_condition(self._store.table(name), self.condition)

    def arrays(self, name: str) -> Any:
        """The study's arrays."""
        return self._store.arrays(name)

    def manifest(self) -> dict[str, Any]:
        """The study's manifest."""
        return self._store.manifest()


def shown(source: TableSource, condition: str = "") -> TableSource:
    """The source, or one condition of a study of embeddings: the one that is named, or else its main one."""
    main = (source.manifest().get("embeddings") or {}).get("main", "")
    return OneCondition(source, condition or str(main)) if main else source


def source_of(given: Any) -> TableSource:
    """What a widget reads from.

    Args:
        given: A study's folder or name ("digits"), a `Store`, a frame with a map's columns, a mapping of frames by the
            name of their table, or what has an attribute `store`, or the methods of a `Store`.

    Raises:
        FileNotFoundError: if there is no such study; lists those there are.
        ValueError: for anything else, or a map without the columns that it needs.
    """
    if isinstance(given, str | Path):
        return shown(open_study(given))
    if isinstance(given, pd.DataFrame):
        return Frames({"map": given})
    if isinstance(given, Mapping):
        return Frames(given)
    given = getattr(given, "store", given)
    if isinstance(given, TableSource):
        return given if isinstance(given, Frames | OneCondition) else shown(given)
    raise ValueError(
        "give a study's name or folder, a Store, a frame with a map's columns, or frames by table name "
        f"({{'map': ..., 'shift': ...}}), got {type(given).__name__}"
    )


def map_rows(source: TableSource, projection: str | None, seed: int | None) -> tuple[Frame, str, int]:
    """Rows of one projection and one seed of the table `map`, and which they are.

    Args:
        source: What has the table.
        projection: "umap", "pca", ...; the one that figures show by default.
        seed: The smallest by default.

    Raises:
        ValueError: without a map, for a projection or seed that it does not have, or for an empty map.
    """
    if not source.has_table("map"):
        raise ValueError(
            "there is no table 'map' to explore: a study makes it in its step analyse "
            "(`tla study NAME`, placed by `analysis.projection`)"
        )
    points = source.table("map")
    if not len(points):
        raise ValueError("the table 'map' has no rows, so there is nothing to explore")
    chosen = _one_of("projection", points["projection"], projection, main_map)
    points = points.loc[points["projection"] == chosen]
    which = _one_of("seed", points["seed"], seed, min)
    return points.loc[points["seed"] == which], str(chosen), int(which)


def _one_of(name: str, column: Any, wanted: Any, default: Any) -> Any:
    known = sorted(column.unique().tolist())
    if wanted is None:
        return default(known)
    if wanted not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, got {wanted!r}")
    return wanted


def _complete(points: pd.DataFrame) -> pd.DataFrame:
    """A map with all its columns.

    Raises:
        ValueError: names those that are missing and have no default.
    """
    missing = [name for name in MAP_COLUMNS if name not in points.columns and name not in _DEFAULTS]
    if missing:
        raise ValueError(
            f"a map needs the columns {', '.join(MAP_COLUMNS)} (method, seed and projection may be missing), "
            f"this one has no {', '.join(missing)}"
        )
    return points.assign(**{name: value for name, value in _DEFAULTS.items() if name not in points.columns})
