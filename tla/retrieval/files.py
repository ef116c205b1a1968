"""Embeddings computed elsewhere: npy and parquet files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.formats import read_npy
from tla.retrieval.columns import Columns, read_parquet


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


def read_embeddings(path: Path, labels: Path | None = None, columns: Sequence[str] | None = None) -> Embeddings:
    """Read embeddings, and their labels if there are any.

    Args:
        path: A .npy file of shape (n, d); or a .parquet file with one column of lists (a vector per row, whatever its
            name), or else one numeric column per feature. Optional columns are "y" (or "label") and "id"; columns that
            are known to be no features (prediction, confidence, width, path, ...) are left out.
        labels: A .npy file of classes, shape (n,), instead of those in `path`.
        columns: Which columns of a .parquet file are the embedding: one of lists, or several of numbers.

    Raises:
        FileNotFoundError: if a file is missing; names it.
        DamagedFileError: if it cannot be read; names it.
        ValueError: for another kind of file, a wrong shape, rows without a vector, labels that do not match, or columns
            of which it is not clear which are the embedding; names them.
    """
    for file in (path, labels):
        if file is not None and not file.is_file():
            raise FileNotFoundError(f"{file}: no such file")
    if path.suffix not in (".npy", ".parquet"):
        raise ValueError(f"{path}: embeddings must be a .npy or .parquet file, got {path.suffix or 'no suffix'!r}")
    if columns is not None and path.suffix == ".npy":
        raise ValueError(f"{path}: columns are for .parquet files; a .npy file has none")
    embedding, y, ids = _npy(path) if path.suffix == ".npy" else read_parquet(path, columns)
    y = torch.zeros(len(embedding), dtype=torch.long) if y is None else _whole(path, "labels", y)
    ids = torch.arange(len(embedding)) if ids is None else _whole(path, "id", ids)
    if labels is not None:
        y = _whole(labels, "labels", read_npy(labels).reshape(-1))
    if embedding.ndim != 2 or not embedding.shape[1]:
        raise ValueError(f"{path}: embeddings must have shape (n, d), got {tuple(embedding.shape)}")
    if len(y) != len(embedding):
        raise ValueError(f"{labels or path}: {len(embedding)} embeddings need as many labels, got {len(y)}")
    return Embeddings(embedding, y, ids)


def _whole(path: Path, name: str, values: np.ndarray) -> Int[Tensor, " n"]:
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{path}: {name} must be whole numbers, got {values.dtype}")
    return torch.tensor(values.astype(np.int64))


def _npy(path: Path) -> Columns:
    values = read_npy(path)
    if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise ValueError(f"{path}: embeddings must be numbers, got {values.dtype}")
    if values.ndim == 0:
        raise ValueError(f"{path}: embeddings must have shape (n, d), got ()")
    return Columns(torch.from_numpy(values.astype(np.float32)), None, None)
