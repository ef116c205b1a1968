"""The table of maps: where clean and attacked images are."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.projection.base import PROJECTIONS, Projection
from tla.projection.maps.placement import barycentre
from tla.seeding import generator

Placement = Literal["joint", "barycentre", "transform"]


class Points(NamedTuple):
    """Test images of one kind.

    Attributes:
        embedding: Shape (n, d).
        prediction: Predicted classes, shape (n,).
    """

    embedding: Float[Tensor, "n d"]
    prediction: Int[Tensor, " n"]


def map_frame(
    projection: Projection,
    clean: Points,
    adversarial: Points,
    y: Int[Tensor, " n"],
    ids: Int[Tensor, " n"] | None = None,
    *,
    seed: int = 0,
    placement: Placement = "joint",
    sample: int | None = None,
    search: Search | None = None,
) -> pd.DataFrame:
    """The `map` table of one model and one projection.

    Args:
        projection: Draws the map.
        clean: Clean test images.
        adversarial: The same images under attack.
        y: True classes, shape (n,).
        ids: Positions of the images in their split, shape (n,); 0..n-1 by default.
        seed: Seed of the map and the sample.
        placement: "joint" draws clean and attacked images together. "barycentre" draws the clean ones and places each
            attacked one between its neighbours; "transform" places them by the projection's own rule.
        sample: Draw only this many images; all others are placed (with "joint", between their neighbours).
        search: A faster search of what is drawn: clean embeddings, followed (with "joint") by attacked ones; not
            allowed with a sample.

    Returns:
        2n rows, columns projection, kind ("clean" or "adversarial"), id, y, prediction, u, v. `projection` says how
        points were placed: "umap", "umap/barycentre", "umap/transform", "umap/sample", "umap/sample/barycentre".

    Raises:
        ValueError: for inputs that do not match, or a placement that the projection does not offer.
    """
    _check(projection, clean, adversarial, y, placement, sample, search)
    n, label = len(y), PROJECTIONS.name_of(projection)
    rows = torch.arange(n)
    if sample is not None and sample < n:
        rows = torch.randperm(n, generator=generator(seed, "map", "sample"))[:sample].sort().values
    both = torch.cat([clean.embedding, adversarial.embedding]).detach().float().cpu()
    drawn = torch.cat([rows, rows + n]) if placement == "joint" else rows
    fitted = projection.fit(both[drawn], seed, search)
    places = torch.empty(2 * n, 2)
    places[drawn] = fitted.coordinates
    rest = torch.ones(2 * n, dtype=torch.bool).index_fill(0, drawn, False)
    if placement == "transform" and fitted.transform is not None:
        places[rest] = fitted.transform(both[rest])
    else:
        places[rest] = barycentre(both[rest], both[drawn], fitted.coordinates, name=projection.distance)
    label += ("/sample" if len(rows) < n else "") + ("" if placement == "joint" else f"/{placement}")
    columns = {
        "id": (torch.arange(n) if ids is None else ids.cpu()).repeat(2).numpy(),
        "y": y.cpu().repeat(2).numpy(),
        "prediction": torch.cat([clean.prediction, adversarial.prediction]).cpu().numpy(),
        "u": places[:, 0].numpy(),
        "v": places[:, 1].numpy(),
    }
    kinds = np.repeat(["clean", "adversarial"], n)
    return pd.DataFrame({"projection": label, "kind": kinds, **columns})


def _check(
    projection: Projection,
    clean: Points,
    adversarial: Points,
    y: Tensor,
    placement: Placement,
    sample: int | None,
    search: Search | None,
) -> None:
    counts = {len(tensor) for tensor in (*clean, *adversarial, y)}
    if len(counts) > 1:
        raise ValueError(f"clean, adversarial and y must be of the same images, got {sorted(counts)} of them")
    if placement not in ("joint", "barycentre", "transform"):
        raise ValueError(f"placement must be 'joint', 'barycentre' or 'transform', got {placement!r}")
    if placement == "transform" and not projection.transforms:
        raise ValueError(f"{projection} has no transform of new points; use placement 'barycentre'")
    if sample is not None and sample < 1:
        raise ValueError(f"sample must be >= 1, got {sample}")
    if sample is not None and search is not None:
        raise ValueError("search must be of exactly what is drawn; omit it when a sample is given")
