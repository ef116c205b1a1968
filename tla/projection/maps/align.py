"""Maps of several models, turned so that the same image lies in about the same place."""

from typing import Any, NamedTuple, cast

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor


class SimilarityTransform(NamedTuple):
    """A rotation or reflection, a scale and a shift: what leaves the shape of a map as it is.

    Attributes:
        rotation: Orthogonal, shape (2, 2).
        scale: >= 0.
        source: Point that is moved to `target`, shape (2,).
        target: Shape (2,).
        disparity: Share of the reference's spread that is not explained, in [0, 1].
    """

    rotation: Float[Tensor, "2 2"]
    scale: float
    source: Float[Tensor, " 2"]
    target: Float[Tensor, " 2"]
    disparity: float

    def __call__(self, coordinates: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
        """Move points."""
        moved = (coordinates.double() - self.source) @ self.rotation * self.scale + self.target
        return moved.to(coordinates.dtype)


def procrustes(coordinates: Float[Tensor, "n 2"], reference: Float[Tensor, "n 2"]) -> SimilarityTransform:
    """The similarity that brings coordinates nearest to the reference, point by point, in least squares.

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
    """How each of the `map` table's maps is turned to lie like one method's, by the clean images that both show.

    Args:
        maps: Rows of the `map` table with a column method (and seed).
        reference: The method whose map stays as it is (its first seed); the first in the table by default.

    Returns:
        By (projection, method) or (projection, method, seed); maps that stay as they are have no entry: the reference,
        and those without a clean image in common with it.

    Raises:
        ValueError: for a reference that the table does not have.
    """
    methods = list(dict.fromkeys(maps["method"]))
    reference = methods[0] if reference is None and methods else reference
    if methods and reference not in methods:
        raise ValueError(f"reference must be one of {', '.join(methods)}, got {reference!r}")
    keys, moves = _keys(maps), {}
    for _, drawn in maps[maps["kind"] == "clean"].groupby("projection", sort=False):
        parts = [(cast(tuple, key), part.set_index("id")) for key, part in drawn.groupby(keys, sort=False)]
        parts.sort(key=lambda part: part[0][1] != reference)
        first = parts[0][1]
        for key, part in parts[1:]:
            shared = part.index.intersection(first.index)
            if len(shared):
                moves[key] = procrustes(_points(part.loc[shared]), _points(first.loc[shared]))
    return moves


def align_maps(maps: pd.DataFrame, reference: str | None = None) -> pd.DataFrame:
    """Align the `map` table's maps to one method's; see `map_moves`.

    Args:
        maps: Rows of the `map` table with a column method (and seed).
        reference: The method whose map stays as it is (its first seed); the first in the table by default.

    Returns:
        The same rows with other u and v.

    Raises:
        ValueError: for a reference that the table does not have.
    """
    moves, aligned = map_moves(maps, reference), maps.copy()
    for key, part in maps.groupby(_keys(maps), sort=False):
        if key in moves:
            aligned.loc[part.index, ["u", "v"]] = moves[cast(tuple, key)](_points(part)).numpy()
    return aligned


def _keys(maps: pd.DataFrame) -> list[str]:
    return [key for key in ("projection", "method", "seed") if key in maps.columns]


def _points(frame: pd.DataFrame) -> Tensor:
    return torch.tensor(frame[["u", "v"]].to_numpy("float32"))
