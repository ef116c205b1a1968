"""Maps of several models, turned so that the same image lies in about the same place."""

from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor


class Similarity(NamedTuple):
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


def procrustes(coordinates: Float[Tensor, "n 2"], reference: Float[Tensor, "n 2"]) -> Similarity:
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
    return Similarity(left @ right, scale, source, target, max(0.0, disparity))


def align_maps(maps: pd.DataFrame, reference: str | None = None) -> pd.DataFrame:
    """Align the `map` table's maps to one method's, by the clean images that both show.

    Args:
        maps: Rows of the `map` table with a column method (and seed).
        reference: The method whose map stays as it is (its first seed); the first in the table by default.

    Returns:
        The same rows with other u and v. Maps without a clean image in common with the reference stay as they are.

    Raises:
        ValueError: for a reference that the table does not have.
    """
    methods = list(dict.fromkeys(maps["method"]))
    reference = methods[0] if reference is None and methods else reference
    if methods and reference not in methods:
        raise ValueError(f"reference must be one of {', '.join(methods)}, got {reference!r}")
    keys = [key for key in ("method", "seed") if key in maps.columns]
    aligned = maps.copy()
    for _, drawn in maps.groupby("projection", sort=False):
        first: pd.DataFrame | None = None
        groups = [part for _, part in drawn.groupby(keys, sort=False)]
        groups.sort(key=lambda part: part["method"].iloc[0] != reference)
        for part in groups:
            clean = part[part["kind"] == "clean"].set_index("id")
            if first is None:
                first = clean
                continue
            shared = clean.index.intersection(first.index)
            if len(shared):
                move = procrustes(_points(clean.loc[shared]), _points(first.loc[shared]))
                aligned.loc[part.index, ["u", "v"]] = move(_points(part)).numpy()
    return aligned


def _points(frame: pd.DataFrame) -> Tensor:
    return torch.tensor(frame[["u", "v"]].to_numpy("float32"))
