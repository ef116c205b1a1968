"""Align maps of several models, so that an image is in about the same place on each."""

from typing import Any, NamedTuple, cast

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor


class SimilarityTransform(NamedTuple):
    """A rotation or reflection, a scale and a shift: it preserves the shape of a map.

    Attributes:
        rotation: Orthogonal, shape (2, 2).
        scale: >= 0.
        source: The point that moves to `target`, shape (2,).
        target: Shape (2,).
        disparity: Unexplained share of the reference's spread, in [0, 1].
    """

    rotation: Float[Tensor, "2 2"]
    scale: float
    source: Float[Tensor, " 2"]
    target: Float[Tensor, " 2"]
    disparity: float

    def __call__(self, coordinates: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
        """Apply the transform to points."""
        moved = (coordinates.double() - self.source) @ self.rotation * self.scale + self.target
        return moved.to(coordinates.dtype)


def procrustes(coordinates: Float[Tensor, "n 2"], reference: Float[Tensor, "n 2"]) -> SimilarityTransform:
    """The similarity transform that fits coordinates to the reference, point by point, by least squares.

    Args:
        coordinates: The map to move, shape (n, 2), n >= 1.
        reference: The same points on the other map, shape (n, 2).
    """
    a, b = coordinates.double(), reference.double()
    source, target = a.mean(0), b.mean(0)
    a, b = a - source, b - target
    left, values, right = torch.linalg.svd(a.mT @ b)
    spread = float(a.square().sum())
    scale = float(values.sum()) / spread if spread > 0 else 0.0
    rest = b.square().sum() - scale * values.sum()
    disparity = float(rest / b.square().sum().clamp_min(1e-300)) if float(b.square().sum()) > 0 else 0.0
    return SimilarityTransform(left @ right, scale, source, target, max(0.0, disparity))


def map_moves(maps: pd.DataFrame, reference: str | None = None) -> dict[tuple[Any, ...], SimilarityTransform]:
    """The transform of each of the `map` table's maps to one method's, fitted on the clean images that both show.

    Args:
        maps: Rows of the `map` table with a column method (and seed).
        reference: The method whose map stays as it is (its first seed); the first in the table by default.

    Returns:
        Keyed by (projection, method) or (projection, method, seed); maps that stay as they are have no entry: the
        reference, and those that share no clean image with it.

    Raises:
        ValueError: for a reference that is not in the table.
    """
    methods = list(dict.fromkeys(maps["method"]))
    reference = methods[0] if reference is None and methods else reference
    if methods and reference not in methods:
        raise ValueError(f"reference must be one of {', '.join(methods)}, got {reference!r}")
    keys, moves = _keys(maps), {}
    for _, drawn in maps[maps["kind"] == "clean"].groupby("projection", sort=False):
        each = [(cast(tuple, key), rows.set_index("id")) for key, rows in drawn.groupby(keys, sort=False)]
        each.sort(key=lambda pair: pair[0][1] != reference)
        fixed = each[0][1]
        for key, rows in each[1:]:
            shared = rows.index.intersection(fixed.index)
            if len(shared):
                moves[key] = procrustes(_points(rows.loc[shared]), _points(fixed.loc[shared]))
    return moves


def align_maps(maps: pd.DataFrame, reference: str | None = None) -> pd.DataFrame:
    """Align the `map` table's maps to one method's; see `map_moves`.

    Args:
        maps: Rows of the `map` table with a column method (and seed).
        reference: The method whose map stays as it is (its first seed); the first in the table by default.

    Returns:
        The same rows with aligned u and v.

    Raises:
        ValueError: for a reference that is not in the table.
    """
    moves, aligned = map_moves(maps, reference), maps.copy()
    for key, rows in maps.groupby(_keys(maps), sort=False):
        if key in moves:
            aligned.loc[rows.index, ["u", "v"]] = moves[cast(tuple, key)](_points(rows)).numpy()
    return aligned


def _keys(maps: pd.DataFrame) -> list[str]:
    return [key for key in ("projection", "method", "seed") if key in maps.columns]


def _points(frame: pd.DataFrame) -> Tensor:
    return torch.tensor(frame[["u", "v"]].to_numpy("float32"))
