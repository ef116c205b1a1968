"""How far a map can be trusted: to be shown with every map."""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName
from tla.nearest import nearest, normalised, ordering
from tla.projection.base import PROJECTIONS, Projection
from tla.projection.maps.align import procrustes
from tla.seeding import generator

COMPARED = 2**24


def trustworthiness(
    embedding: Float[Tensor, "n d"],
    coordinates: Float[Tensor, "n 2"],
    k: int = 10,
    name: DistanceName = "abs_cosine",
    *,
    anchors: int = 5000,
    seed: int = 0,
) -> float:
    """Are neighbours on the map neighbours in truth? 1 is yes, about 0.5 is chance (Venna & Kaski 2001).

    1 - 2 / (n k (2n - 3k - 1)) times the sum, over the k neighbours j of i on the map, of how far the rank of j among
    i's true neighbours exceeds k.

    Args:
        embedding: Shape (n, d).
        coordinates: The map, shape (n, 2).
        k: Neighbours, 1 <= k < n / 2.
        name: The true distance.
        anchors: With more points than this, the mean over this many, drawn with the seed.
        seed: Seed of the draw.

    Raises:
        ValueError: for a k out of range.
    """
    n = len(embedding)
    if not 1 <= k < n / 2:
        raise ValueError(f"k must lie between 1 and {(n - 1) // 2} (half of {n} points), got {k}")
    drawn = _anchors(n, anchors, seed)
    near = nearest(coordinates[drawn], coordinates, k, "euclidean", without=drawn).position
    truth = normalised(embedding.detach().float(), name)
    beyond, step = 0.0, max(1, COMPARED // (n * k))
    for rows, neighbours in zip(drawn.split(step), near.split(step), strict=True):
        score = ordering(truth[rows], truth, name).scatter_(1, rows[:, None], torch.inf)
        rank = 1 + (score[:, None] < score.gather(1, neighbours)[:, :, None]).sum(2)
        beyond += float((rank - k).clamp_min(0).sum())
    return 1 - 2 / (len(drawn) * k * (2 * n - 3 * k - 1)) * beyond


def neighbour_overlap(
    embedding: Float[Tensor, "n d"],
    coordinates: Float[Tensor, "n e"],
    k: int = 10,
    name: DistanceName = "abs_cosine",
    *,
    anchors: int = 5000,
    seed: int = 0,
) -> float:
    """Share of the k true neighbours that are among the k neighbours on the map, in [0, 1]; k / (n - 1) is chance.

    Args:
        embedding: Shape (n, d).
        coordinates: The map, shape (n, 2).
        k: Neighbours, 1 <= k < n.
        name: The true distance.
        anchors: With more points than this, the mean over this many, drawn with the seed.
        seed: Seed of the draw.
    """
    rows = _anchors(len(embedding), anchors, seed)
    true = nearest(embedding[rows], embedding, k, name, without=rows).position
    return _overlap(true, nearest(coordinates[rows], coordinates, k, "euclidean", without=rows).position)


def stability(
    projection: Projection, embedding: Float[Tensor, "n d"], seeds: Sequence[int] = (0, 1, 2), k: int = 10
) -> pd.DataFrame:
    """The same map drawn from several seeds, pair by pair.

    Args:
        projection: Draws the maps.
        embedding: Shape (n, d), n > k.
        seeds: At least two.
        k: Neighbours.

    Returns:
        One row per pair of seeds, columns first, second, overlap (share of the k neighbours on one map that are
        neighbours on the other), disparity (what rotation, scale and shift leave unexplained, in [0, 1]).

    Raises:
        ValueError: for fewer than two seeds.
    """
    if len(set(seeds)) < 2:
        raise ValueError(f"seeds must hold at least two different ones, got {list(seeds)}")
    maps = {seed: projection(embedding, seed) for seed in seeds}
    own = torch.arange(len(embedding))
    near = {seed: nearest(drawn, drawn, k, "euclidean", without=own).position for seed, drawn in maps.items()}
    rows = [
        (first, second, _overlap(near[first], near[second]), procrustes(maps[second], maps[first]).disparity)
        for first, second in combinations(maps, 2)
    ]
    return pd.DataFrame(rows, columns=["first", "second", "overlap", "disparity"])


def trust_frame(
    projection: Projection,
    embedding: Float[Tensor, "n d"],
    coordinates: Float[Tensor, "n 2"],
    *,
    k: int = 10,
    seeds: Sequence[int] = (),
    sample: int = 2000,
    label: str = "",
) -> pd.DataFrame:
    """What to print with a map.

    Args:
        projection: What drew it.
        embedding: What was drawn, shape (n, d).
        coordinates: The map, shape (n, 2).
        k: Neighbours; fewer if there are too few points.
        seeds: Seeds for the stability, at least two; none by default, since each draws a map.
        sample: Stability uses at most this many points, drawn with a seed.
        label: Name of the map, "umap/sample" for example; by default the projection's name.

    Returns:
        Columns projection, measure ("trustworthiness", "neighbour overlap", "overlap of seeds", "disparity of seeds"),
        k, n, value, chance (what a random map would give).
    """
    n, name = len(embedding), projection.distance
    k = max(1, min(k, (n - 1) // 2))
    rows = [
        ("trustworthiness", n, trustworthiness(embedding, coordinates, k, name), 0.5),
        ("neighbour overlap", n, neighbour_overlap(embedding, coordinates, k, name), k / (n - 1)),
    ]
    if seeds:
        some = embedding[_anchors(n, sample, 0)]
        overlap, disparity = stability(projection, some, seeds, k)[["overlap", "disparity"]].to_numpy().mean(0).tolist()
        rows.append(("overlap of seeds", len(some), overlap, k / (len(some) - 1)))
        rows.append(("disparity of seeds", len(some), disparity, 1.0))
    frame = pd.DataFrame(rows, columns=["measure", "n", "value", "chance"])
    return frame.assign(projection=label or PROJECTIONS.name_of(projection), k=k).reindex(
        columns=["projection", "measure", "k", "n", "value", "chance"]
    )


def _anchors(n: int, count: int, seed: int) -> Int[Tensor, " a"]:
    if n <= count:
        return torch.arange(n)
    return torch.randperm(n, generator=generator(seed, "anchors"))[:count].sort().values


def _overlap(first: Tensor, second: Tensor) -> float:
    return float((first[:, :, None] == second[:, None]).any(2).double().mean())
