"""Where an embedding is between its own centroid and the false one."""

from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, distance, unit


def centroid_margin(
    v: Float[Tensor, "n d"],
    centroids: Float[Tensor, "c d"],
    y: Int[Tensor, " n"],
    t: Int[Tensor, " n"],
    name: DistanceName = "abs_cosine",
) -> Float[Tensor, " n"]:
    """D(v, c_t) - D(v, c_y): positive nearer its own centroid, negative nearer the false one.

    Args:
        v: Embeddings, shape (n, d).
        centroids: See `class_centroids`, shape (c, d).
        y: True classes, shape (n,).
        t: False classes, shape (n,).
        name: The distance D.
    """
    return distance(v, centroids[t], name) - distance(v, centroids[y], name)


def progress(
    u: Float[Tensor, "n d"],
    v: Float[Tensor, "n d"],
    centroids: Float[Tensor, "c d"],
    y: Int[Tensor, " n"],
    t: Int[Tensor, " n"],
) -> Float[Tensor, " n"]:
    """(v - u).(c_t - c_y) / |c_t - c_y|^2: the share of the way covered from the own to the false centroid.

    u and v are normalised, as the embeddings behind the centroids are: otherwise ten times longer embeddings would
    show ten times the progress.

    Args:
        u: Clean embeddings, shape (n, d).
        v: Adversarial embeddings, shape (n, d).
        centroids: See `class_centroids`, shape (c, d).
        y: True classes, shape (n,).
        t: False classes, shape (n,).
    """
    way = centroids[t] - centroids[y]
    return ((unit(v) - unit(u)) * way).sum(1) / way.square().sum(1)
