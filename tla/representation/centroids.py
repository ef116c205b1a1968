"""Class centroids of natural embeddings, and the false class of an image."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, pairwise, unit


def class_centroids(embedding: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int) -> Float[Tensor, "classes d"]:
    """Mean of the L2-normalised embeddings of each class (not renormalised).

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


def own_centroids(
    embedding: Float[Tensor, "m d"],
    gallery_y: Int[Tensor, " m"],
    y: Int[Tensor, " n"],
    classes: int,
    *without: Int[Tensor, " n"],
) -> Float[Tensor, "n d"]:
    """The centroid of each image's class, without the image itself.

    Args:
        embedding: Natural embeddings, shape (m, d).
        gallery_y: Their classes, shape (m,).
        y: Classes of the images, shape (n,).
        classes: How many classes there are.
        without: Per image a position in the gallery to leave out, -1 for none, shape (n,); any number of them.

    Returns:
        Shape (n, d); NaN where nothing is left of the class.
    """
    if not without:
        return class_centroids(embedding, gallery_y, classes)[y]
    directions = unit(embedding)
    total = embedding.new_zeros(classes, embedding.shape[1]).index_add_(0, gallery_y, directions)[y]
    count = torch.bincount(gallery_y, minlength=classes).to(embedding.dtype)[y]
    for number, positions in enumerate(without):
        gone = (positions >= 0) & (gallery_y[positions.clamp_min(0)] == y)
        for earlier in without[:number]:
            gone &= positions != earlier
        total = total - directions[positions.clamp_min(0)] * gone[:, None]
        count = count - gone.to(count.dtype)
    return total / count.masked_fill(count == 0, torch.nan)[:, None]


def false_class(logits: Float[Tensor, "n c"], y: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """The false class t of each image: the predicted class if it is wrong, else the runner-up.

    Either way it is the largest logit outside the true class.
    """
    return logits.scatter(1, y[:, None], -torch.inf).argmax(1)


def centroid_logits(
    embedding: Float[Tensor, "n d"], centroids: Float[Tensor, "c d"], name: DistanceName = "abs_cosine"
) -> Float[Tensor, "n c"]:
    """Logits for embeddings without any: minus the distance to each class centroid, so the nearest class is predicted.

    Args:
        embedding: Shape (n, d).
        centroids: One for every class, see `class_centroids`, shape (c, d).
        name: The distance.
    """
    return -pairwise(embedding, centroids, name)
