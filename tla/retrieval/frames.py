"""The tables of retrieval: the neighbours, and how well a query finds its class."""

from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.ranking import map_at_r, recall_at_k
from tla.retrieval.gallery import GalleryIndex

RANKS = (1, 5, 10)


class Queries(NamedTuple):
    """Test images of one kind, as queries.

    Attributes:
        kind: "clean" or "adversarial".
        embedding: Shape (n, d).
        prediction: Predicted classes, shape (n,).
    """

    kind: str
    embedding: Float[Tensor, "n d"]
    prediction: Int[Tensor, " n"]


def neighbours_frame(
    index: GalleryIndex,
    queries: Queries,
    y: Int[Tensor, " n"],
    ids: Int[Tensor, " n"] | None = None,
    *,
    k: int = 10,
    same_split: bool = False,
) -> pd.DataFrame:
    """The `neighbours` table of one model and one kind of query.

    Args:
        index: The gallery of natural embeddings.
        queries: n queries.
        y: Their true classes, shape (n,).
        ids: Positions of the queries in their split, shape (n,); 0..n-1 by default.
        k: Neighbours of each query.
        same_split: True if gallery and queries are images of one split: the query itself is then left out.

    Returns:
        n * k rows, columns kind, id, rank (from 1), y, prediction, neighbour (an id of the gallery), neighbour_y,
        distance. An approximate index may find fewer than k.

    Raises:
        ValueError: for queries that do not match each other or the gallery.
    """
    ids = _ids(queries, y, ids)
    found = index.search(queries.embedding, k, without=ids if same_split else None)
    exists = found.id.flatten() >= 0
    rank = torch.arange(1, k + 1, device=ids.device).repeat(len(ids))
    repeated = (values.repeat_interleave(k) for values in (ids, y, queries.prediction))
    flat = (values.flatten() for values in (found.id, found.y, found.distance))
    names = ("id", "y", "prediction", "rank", "neighbour", "neighbour_y", "distance")
    columns = {
        name: values.cpu()[exists.cpu()].numpy() for name, values in zip(names, (*repeated, rank, *flat), strict=True)
    }
    order = ("id", "rank", "y", "prediction", "neighbour", "neighbour_y", "distance")
    return pd.DataFrame({"kind": queries.kind, **{name: columns[name] for name in order}})


def retrieval_frame(
    index: GalleryIndex,
    queries: Queries,
    y: Int[Tensor, " n"],
    ids: Int[Tensor, " n"] | None = None,
    *,
    same_split: bool = False,
) -> pd.DataFrame:
    """The `retrieval` table of one model and one kind of query.

    Args:
        index: The gallery of natural embeddings.
        queries: n queries.
        y: Their true classes, shape (n,).
        ids: Positions of the queries in their split, shape (n,); 0..n-1 by default.
        same_split: True if gallery and queries are images of one split: the query itself is then left out.

    Returns:
        n rows, columns kind, id, y, recall_1, recall_5, recall_10 (1.0 if one of that many nearest has the query's
        class, else 0.0; a smaller gallery counts in full), map_at_r (exact, whatever the index; NaN if the gallery has
        no vector of the class).

    Raises:
        ValueError: for queries that do not match each other or the gallery.
    """
    ids = _ids(queries, y, ids)
    without = ids if same_split else None
    most = min(max(RANKS), len(index) - same_split)
    found = index.search(queries.embedding, most, without=without).y.cpu()
    frame = pd.DataFrame({"kind": queries.kind, "id": ids.cpu().numpy(), "y": y.cpu().numpy()})
    for k in RANKS:
        frame[f"recall_{k}"] = recall_at_k(found, y.cpu(), min(k, most)).float().numpy()
    place = None if without is None else index.positions_of(without)
    embedding = queries.embedding.float().cpu()
    frame["map_at_r"] = map_at_r(embedding, y.cpu(), index.vectors, index.y, index.distance, without=place).numpy()
    return frame


def _ids(queries: Queries, y: Tensor, ids: Tensor | None) -> Tensor:
    ids = torch.arange(len(y)) if ids is None else ids
    counts = {len(queries.embedding), len(queries.prediction), len(y), len(ids)}
    if len(counts) > 1:
        got = f"{len(queries.embedding)} embeddings, {len(queries.prediction)} predictions, {len(y)} labels"
        raise ValueError(f"queries, y and ids must be of the same images, got {got}, {len(ids)} ids")
    return ids
