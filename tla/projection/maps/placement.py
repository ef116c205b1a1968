"""Placing new points on a finished map."""

import torch
from jaxtyping import Float
from torch import Tensor

from tla.distances import DistanceName, distance
from tla.nearest import Search, nearest, normalised


def barycentre(
    new: Float[Tensor, "m d"],
    embedding: Float[Tensor, "n d"],
    coordinates: Float[Tensor, "n 2"],
    *,
    k: int = 5,
    name: DistanceName = "abs_cosine",
    search: Search | None = None,
) -> Float[Tensor, "m 2"]:
    """Each new point between its nearest neighbours, weighted by 1 / distance (Shepard 1968).

    A point's place does not depend on the others in its batch. A point that is already on the map lands on itself. One
    between two groups is drawn in the gap, where no map would have put a group: say on the figure that points were
    placed.

    Args:
        new: Embeddings to place, shape (m, d).
        embedding: Embeddings on the map, shape (n, d).
        coordinates: Their places, shape (n, 2).
        k: How many neighbours, at most n are used.
        name: The distance.
        search: A faster search of `embedding`, `(queries, k) -> positions`.

    Returns:
        Float32, on the CPU, shape (m, 2).
    """
    new, embedding = new.detach().float().cpu(), embedding.detach().float().cpu()
    k = min(k, len(embedding))
    if search is None:
        found = nearest(new, embedding, k, name)
        far, place = found.distance, found.position
    else:
        place = search(new, k).cpu()
        directions = normalised(embedding, name)
        rows = max(1, 2**20 // (k * embedding.shape[1]))
        far = torch.cat([
            distance(some[:, None].expand(-1, k, -1), directions[where], name)
            for some, where in zip(normalised(new, name).split(rows), place.split(rows), strict=True)
        ]) if len(new) else new.new_empty(0, k)  # fmt: skip
    weight = 1 / far.clamp_min(1e-9).double()
    weight = weight / weight.sum(1, keepdim=True)
    return (weight[:, :, None] * coordinates.cpu()[place]).sum(1).float()
