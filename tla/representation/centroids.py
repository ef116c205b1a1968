"""The natural classes as directions: centroids, the angles between them, and the class that an image falls to."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, pairwise, unit
from tla.representation.angles import angle


def class_centroids(embedding: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int) -> Float[Tensor, "classes d"]:
    """Mean of the L2-normalised embeddings of each class (not normalised again).

    Args:
        embedding: Natural TRAINING embeddings, shape (n, d).
        y: Their classes, shape (n,), in 0..classes-1.
        classes: How many classes there are.

    Returns:
        Shape (classes, d); NaN for a class without an example.
    """
    total = embedding.new_zeros(classes, embedding.shape[1]).index_add_(0, y, unit(embedding))
    count = torch.bincount(y, minlength=classes).to(embedding.dtype)
    return total / count.masked_fill(count == 0, torch.nan)[:, None]


def nearest_centroid_angle(centroids: Float[Tensor, "c d"]) -> Float[Tensor, " c"]:
    """The angle in degrees from each centroid to the nearest other one; NaN where there is none."""
    c = len(centroids)
    between = angle(centroids[:, None].expand(c, c, -1), centroids[None].expand(c, c, -1))
    apart = between.masked_fill(torch.eye(c, dtype=torch.bool, device=centroids.device) | between.isnan(), torch.inf)
    smallest = apart.amin(1)
    return smallest.masked_fill(smallest.isinf() | centroids.isnan().any(1), torch.nan)


def false_class(logits: Float[Tensor, "n c"], y: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """The class t an image falls to: the predicted one when that is wrong, else the best wrong one.

    Both are the same thing: the largest logit outside the true class.
    """
    return logits.scatter(1, y[:, None], -torch.inf).argmax(1)


def centroid_logits(
    embedding: Float[Tensor, "n d"], centroids: Float[Tensor, "c d"], name: DistanceName = "abs_cosine"
) -> Float[Tensor, "n c"]:
    """Logits for embeddings that came without any: minus the distance to each class; the nearest one is predicted.

    Args:
        embedding: Shape (n, d).
        centroids: See `class_centroids`, shape (c, d), of every class.
        name: The distance.
    """
    return -pairwise(embedding, centroids, name)
