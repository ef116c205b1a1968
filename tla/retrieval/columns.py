"""Which columns of a parquet file hold an embedding."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from tla.store import DamagedFileError

KNOWN = {
    "index", "__index_level_0__", "unnamed: 0", "id", "ids", "y", "label", "labels", "target", "class", "true_class",
    "prediction", "predictions", "predicted", "pred", "confidence", "probability", "score", "loss", "split", "fold",
    "width", "height", "channels", "path", "file", "filename", "name", "seed", "epoch", "timestamp",
}  # fmt: skip
"""Names of columns that are never features, in small letters."""


class Columns(NamedTuple):
    """What a file of embeddings holds.

    Attributes:
        embedding: Float32, shape (n, d).
        y: Classes as they are written, shape (n,); None without.
        ids: Positions, likewise.
    """

    embedding: Float[Tensor, "n ..."]
    y: np.ndarray | None
    ids: np.ndarray | None


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> Columns:
    """Read embeddings, classes and positions.

    Args:
        path: The file.
        columns: Those of the embedding; see `tla.retrieval.read_embeddings`.

    Raises:
        DamagedFileError: if it cannot be read.
        ValueError: if it is not clear which columns are the embedding, or numbers are missing; names them.
    """
    try:
        frame = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many types; the user needs the file's name
        raise DamagedFileError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
    frame.columns = [str(name) for name in frame.columns]
    label = next((name for name in ("y", "label") if name in frame and name not in (columns or ())), None)
    y = None if label is None else frame.pop(label).to_numpy()
    ids = frame.pop("id").to_numpy() if "id" in frame and "id" not in (columns or ()) else None
    for name, values in ((label, y), ("id", ids)):
        if values is not None and not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"{path}: {name} must be whole numbers, got {values.dtype}")
    chosen = _chosen(path, frame, columns)
    values = _vectors(path, frame[chosen[0]]) if chosen[0] in _lists(frame) else _numbers(path, frame[chosen])
    return Columns(torch.from_numpy(values.astype(np.float32)), y, ids)


def _chosen(path: Path, frame: pd.DataFrame, columns: Sequence[str] | None) -> list[str]:
    """The columns of the embedding: one of lists, or several of numbers."""
    lists, numbers = _lists(frame), list(frame.select_dtypes("number"))
    if columns is not None:
        wrong = [name for name in columns if name not in (*lists, *numbers)]
        if wrong or not columns or (len(columns) > 1 and set(columns) & set(lists)):
            raise ValueError(
                f"{path}: columns must be one column of lists or several of numbers, got {_some(columns)}; there are "
                f"lists in {_some(lists)} and numbers in {_some(numbers)}"
            )
        return list(columns)
    if len(lists) == 1:
        return lists
    if lists:
        raise ValueError(f"{path}: several columns hold lists: {_some(lists)}; name the embedding with columns=[...]")
    features = [name for name in numbers if name.lower() not in KNOWN]
    if not features:
        raise ValueError(f"{path}: no column holds an embedding; it has {_some(list(frame))}")
    stems: dict[str, str] = {re.sub(r"[\s_.-]*\d+$", "", name): name for name in features}
    if len(stems) > 1:
        raise ValueError(
            f"{path}: it is not clear which columns are the embedding: {_some(list(stems.values()))} are not called "
            "alike; name them with columns=[...]"
        )
    return features


def _lists(frame: pd.DataFrame) -> list[str]:
    """Columns whose first entry that is not null is a list or an array."""
    found: list[str] = []
    for name in frame:
        filled: Any = frame[name].dropna()
        if len(filled) and isinstance(filled.iloc[0], list | tuple | np.ndarray):
            found.append(str(name))
    return found


def _vectors(path: Path, column: Any) -> np.ndarray:
    empty = np.flatnonzero(column.isna()).tolist()
    if empty:
        rows = f"{len(empty)} of {len(column)} rows"
        raise ValueError(f"{path}: {rows} have no vector in {column.name!r}, the first is row {empty[0]}")
    lengths = {len(row) for row in column}
    if len(lengths) > 1:
        raise ValueError(f"{path}: embeddings must all have one length, got {min(lengths)} to {max(lengths)}")
    try:
        return np.stack([np.asarray(row, dtype=np.float64) for row in column])
    except (TypeError, ValueError):
        raise ValueError(f"{path}: {column.name!r} must hold lists of numbers") from None


def _numbers(path: Path, frame: Any) -> np.ndarray:
    missing = [str(name) for name in frame if frame[name].isna().any()]
    if missing:
        row = int(np.flatnonzero(frame.isna().any(axis=1))[0])
        raise ValueError(f"{path}: numbers are missing in {_some(missing)}, the first in row {row}")
    return frame.to_numpy(dtype=np.float64)


def _some(names: Sequence[str]) -> str:
    return (", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")) or "none"
