"""Which classes an embedding's neighbours have."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName
from tla.nearest import Search, leaving_out, nearest


class Purity(NamedTuple):
    """Shares of the nearest natural training embeddings, in [0, 1], shape (n,) each.

    Attributes:
        own: Of class y.
        false: Of class t.
    """

    own: Float[Tensor, " n"]
    false: Float[Tensor, " n"]


def knn_purity(
    v: Float[Tensor, "n d"],
    gallery: Float[Tensor, "m d"],
    gallery_y: Int[Tensor, " m"],
    y: Int[Tensor, " n"],
    t: Int[Tensor, " n"],
    k: int = 10,
    name: DistanceName = "abs_cosine",
    search: Search | None = None,
    without: Int[Tensor, " n"] | None = None,
) -> Purity:
    """Share of the k nearest natural training embeddings with the true class, and with the false one.

    Args:
        v: Embeddings, shape (n, d).
        gallery: Natural training embeddings, shape (m, d).
        gallery_y: Their classes, shape (m,).
        y: True classes, shape (n,).
        t: False classes, shape (n,).
        k: How many neighbours, <= m (m - 1 with `without`).
        name: The distance, if no search is given.
        search: A faster search of the same gallery (FAISS); exact search in chunks by default.
        without: Position in the gallery of each image itself, which is left out; -1 if it is not there, shape (n,).
    """
    if search is None:
        found = nearest(v, gallery, k, name, without=without).position
    else:
        found = (search if without is None else leaving_out(search, without))(v, k)
    classes = gallery_y[found]
    own, false = (classes == y[:, None]), (classes == t[:, None])
    return Purity(own.to(v.dtype).mean(1), false.to(v.dtype).mean(1))
