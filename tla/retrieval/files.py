"""Embeddings computed elsewhere: npy and parquet files."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.store import DamagedFileError


class Embeddings(NamedTuple):
    """Embeddings computed elsewhere.

    Attributes:
        embedding: Float32, shape (n, d).
        y: Classes, shape (n,); all 0 if the file has none.
        ids: Positions, shape (n,); 0..n-1 if the file has none.
    """

    embedding: Float[Tensor, "n d"]
    y: Int[Tensor, " n"]
    ids: Int[Tensor, " n"]


def read_embeddings(path: Path, labels: Path | None = None) -> Embeddings:
    """Read embeddings, and their labels if there are any.

    Args:
        path: A .npy file of shape (n, d); or a .parquet file with a column "embedding" (a list per row) or else one
            numeric column per feature; optional columns are "y" (or "label") and "id".
        labels: A .npy file of classes, shape (n,), instead of those in `path`.

    Raises:
        FileNotFoundError: if a file is missing; names it.
        DamagedFileError: if it cannot be read; names it.
        ValueError: for another kind of file, a wrong shape, or labels that do not match.
    """
    for file in (path, labels):
        if file is not None and not file.is_file():
            raise FileNotFoundError(f"{file}: no such file")
    readers = {".npy": _npy, ".parquet": _parquet}
    if path.suffix not in readers:
        raise ValueError(f"{path}: embeddings must be a .npy or .parquet file, got {path.suffix or 'no suffix'!r}")
    embedding, y, ids = readers[path.suffix](path)
    if labels is not None:
        y = _whole(labels, "labels", _load(labels).reshape(-1))
    if embedding.ndim != 2 or not embedding.shape[1]:
        raise ValueError(f"{path}: embeddings must have shape (n, d), got {tuple(embedding.shape)}")
    if len(y) != len(embedding):
        raise ValueError(f"{labels or path}: {len(embedding)} embeddings need as many labels, got {len(y)}")
    return Embeddings(embedding, y, ids)


def _whole(path: Path, name: str, values: np.ndarray) -> Int[Tensor, " n"]:
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{path}: {name} must be whole numbers, got {values.dtype}")
    return torch.tensor(values.astype(np.int64))


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DamagedFileError(f"{path}: cannot be read ({error})") from None


def _npy(path: Path) -> Embeddings:
    values = _load(path)
    if not np.issubdtype(values.dtype, np.number):
        raise ValueError(f"{path}: embeddings must be numbers, got {values.dtype}")
    count = torch.arange(len(values)) if values.ndim else torch.arange(0)
    return Embeddings(torch.from_numpy(values.astype(np.float32)), torch.zeros_like(count), count)


def _parquet(path: Path) -> Embeddings:
    try:
        frame = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many types; the user needs the file's name
        raise DamagedFileError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
    label = next((name for name in ("y", "label") if name in frame), None)
    y, ids = torch.zeros(len(frame), dtype=torch.long), torch.arange(len(frame))
    if label is not None:
        y = _whole(path, label, frame.pop(label).to_numpy())
    if "id" in frame:
        ids = _whole(path, "id", frame.pop("id").to_numpy())
    if "embedding" in frame:
        lengths = {len(row) for row in frame["embedding"]}
        if len(lengths) > 1:
            raise ValueError(f"{path}: embeddings must all have one length, got {min(lengths)} to {max(lengths)}")
        values = np.stack(list(frame["embedding"])) if len(frame) else np.empty((0, 1))
    else:
        values = frame.select_dtypes("number").to_numpy()
    return Embeddings(torch.from_numpy(values.astype(np.float32)), y, ids)
