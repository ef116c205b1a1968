"""Do attacked images still satisfy the triplet loss?"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.distances import DistanceName, distance
from tla.nearest import normalised

CHUNK = 2**22


class DrawnTriplets(NamedTuple):
    """For each anchor one natural image of its class and one of another class: positions in a gallery, shape (n,)."""

    positive: Int[Tensor, " n"]
    negative: Int[Tensor, " n"]


def draw_triplets(
    anchor: Float[Tensor, "n d"],
    y: Int[Tensor, " n"],
    gallery: Float[Tensor, "m d"],
    gallery_y: Int[Tensor, " m"],
    *,
    pool: int = 50,
    name: DistanceName = "abs_cosine",
    generator: torch.Generator | None = None,
    without: Int[Tensor, " n"] | None = None,
) -> DrawnTriplets:
    """Draw triplets as training does: a random positive, and the nearest of a pool of random negatives.

    Args:
        anchor: Embeddings, shape (n, d).
        y: Their classes, shape (n,).
        gallery: Natural embeddings, shape (m, d).
        gallery_y: Their classes, shape (m,).
        pool: Negatives that each anchor chooses from; 1 is a random negative.
        name: The distance.
        generator: Source of random numbers, on the CPU.
        without: Position in the gallery of each anchor itself, which is never its positive; -1 if it is not there.

    Raises:
        ValueError: for a pool below 1, a class without a gallery image, or a gallery of one class.
    """
    if pool < 1:
        raise ValueError(f"pool must be >= 1, got {pool}")
    positive, negative = torch.empty_like(y), torch.empty_like(y)
    queries, keys = normalised(anchor, name), normalised(gallery, name)
    for c in y.unique().tolist():
        own, other = (gallery_y == c).nonzero()[:, 0], (gallery_y != c).nonzero()[:, 0]
        if not len(own) or not len(other):
            raise ValueError(f"gallery needs images of class {c} and of another, got {len(own)} and {len(other)}")
        rows = (y == c).nonzero()[:, 0]
        positive[rows] = _positives(own, rows, generator, without)
        choice = other[torch.randint(len(other), (len(rows), pool), generator=generator).to(other.device)]
        negative[rows] = _nearest_of(queries[rows], keys, choice, name)
    return DrawnTriplets(positive, negative)


def _positives(own: Tensor, rows: Tensor, generator: torch.Generator | None, without: Tensor | None) -> Tensor:
    """A random position of the class for each anchor, other than the anchor's own."""
    if without is None:
        return own[torch.randint(len(own), (len(rows),), generator=generator).to(own.device)]
    here = without[rows]
    place = torch.searchsorted(own, here).clamp_max(len(own) - 1)
    inside = own[place] == here
    left = len(own) - inside.long()
    if bool((left == 0).any()):
        raise ValueError("gallery needs another image of every anchor's class, got only the anchor itself")
    drawn = (torch.rand(len(rows), generator=generator).to(own.device) * left).long().clamp_max(left - 1)
    return own[drawn + (inside & (drawn >= place)).long()]


def _nearest_of(queries: Tensor, keys: Tensor, choice: Tensor, name: DistanceName) -> Tensor:
    """The nearest of each row's choice, by one batched product; in chunks."""
    best, step = [], max(1, CHUNK // (choice.shape[1] * queries.shape[1]))
    for some, pool in zip(queries.split(step), choice.split(step), strict=True):
        drawn = keys[pool]
        score = torch.bmm(drawn, some[:, :, None])[:, :, 0]
        if name == "euclidean":
            score = 2 * score - drawn.square().sum(2)
        near = (score.abs() if name == "abs_cosine" else score).argmax(1, keepdim=True)
        best.append(pool.gather(1, near)[:, 0])
    return torch.cat(best)


def violated(
    anchor: Float[Tensor, "n d"],
    gallery: Float[Tensor, "m d"],
    triplets: DrawnTriplets,
    margin: float = 0.05,
    name: DistanceName = "abs_cosine",
) -> Bool[Tensor, " n"]:
    """True where D(a, p) - D(a, n) + margin > 0.

    Args:
        anchor: Embeddings, shape (n, d).
        gallery: Natural embeddings, shape (m, d).
        triplets: Positions in the gallery.
        margin: alpha of the triplet loss.
        name: The distance.
    """
    to_positive = distance(anchor, gallery[triplets.positive], name)
    return to_positive - distance(anchor, gallery[triplets.negative], name) + margin > 0
