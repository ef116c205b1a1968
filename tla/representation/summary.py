"""The shift summarised: every measure for all, correct and misclassified images, with its zero point."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor

from tla.distances import DistanceName, unit
from tla.nearest import Search, leaving_out, nearest
from tla.ranking import map_at_r, recall_at_k
from tla.representation.centroids import false_class, own_centroids
from tla.representation.checks import positions
from tla.representation.scatter import silhouette
from tla.representation.shift import MEASURES, Gallery, image_shifts, shift_frame
from tla.representation.structure import GROUPS, structure
from tla.representation.triplets import draw_triplets, violated
from tla.seeding import generator
from tla.statistics.intervals import mean_intervals
from tla.tensors import as_floats, as_labels
from tla.types import Outputs

RANKS = (1, 5, 10)
RETRIEVAL = (*(f"recall_{k}" for k in RANKS), "map_at_r")


class Measured(NamedTuple):
    """The tables of a `tla.representation.report.ShiftReport` that need only embeddings; see there."""

    images: pd.DataFrame
    summary: pd.DataFrame
    structure: pd.DataFrame


def measure(
    clean: Outputs,
    adversarial: Outputs,
    y: Int[Tensor, " n"],
    gallery: Gallery,
    *,
    ids: Int[Tensor, " n"] | None = None,
    k: int = 10,
    margin: float = 0.05,
    name: DistanceName = "abs_cosine",
    search: Search | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Measured:
    """The report of outputs that are already computed.

    Args:
        clean: Outputs of the clean test images, n rows.
        adversarial: Outputs of the same images under attack.
        y: True classes, shape (n,).
        gallery: Natural embeddings with their classes; with ids, an image in it is left out of its own measures.
        ids: Positions of the test images in their split, shape (n,); 0..n-1 by default.
        k: Neighbours for the purity.
        margin: alpha of the triplet loss.
        name: The distance.
        search: A faster search of the gallery, by the same distance.
        draws: Bootstrap samples.
        seed: Seed of all random numbers.

    Raises:
        ValueError: for inputs that do not match, labels out of range, embeddings that are not finite.
    """
    clean, adversarial = (
        Outputs(*(as_floats(name, tensor) for tensor in of))
        for name, of in (("clean", clean), ("adversarial", adversarial))
    )
    gallery = gallery._replace(embedding=as_floats("gallery", gallery.embedding), y=as_labels("gallery.y", gallery.y))
    y = as_labels("y", y)
    u, v = clean.embedding, adversarial.embedding
    searched: Search = search or (lambda queries, k: nearest(queries, gallery.embedding, k, name).position)
    own = gallery.without(positions(ids, u), y)
    searched = searched if own is None else leaving_out(searched, own)
    depth = min(max(k, *RANKS), len(gallery.y) - (own is not None))
    near_v = _neighbours(v, searched, depth)
    images = shift_frame(u, v, adversarial.logits, y, gallery, ids=ids, k=k, distance=name, search=_known(near_v))
    t, classes = false_class(adversarial.logits, y), adversarial.logits.shape[1]
    itself = torch.arange(len(y), device=y.device)
    sibling = same_class(y, seed)
    near_u = _neighbours(u, searched, depth)
    values = {"adversarial": {each: images[each].to_numpy() for each in MEASURES}}
    for against, rows in (("clean", itself), ("same_class", sibling)):
        moved_own = None if own is None else own[rows]
        shifts = image_shifts(
            u, u[rows], t, y, gallery, classes,
            k=k, distance=name, search=_known(near_u[rows]), without=own, moved_without=moved_own,
        )  # fmt: skip
        values[against] = {each: getattr(shifts, each).cpu().numpy() for each in MEASURES}
    retrieval = _retrieval(u, near_u, y, gallery, name, own)
    values["adversarial"] |= _retrieval(v, near_v, y, gallery, name, own)
    values["clean"] |= retrieval
    values["same_class"] |= {each: column[sibling.cpu().numpy()] for each, column in retrieval.items()}
    for against, moved, rows in (("adversarial", v, itself), ("clean", u, itself), ("same_class", u[sibling], sibling)):
        moved_own = None if own is None else own[rows]
        values[against] |= _class_measures(moved, y, gallery, margin, name, seed, moved_own)
        gap = values[against]["margin"]
        values[against]["nearer_false"] = np.where(np.isnan(gap), np.nan, gap < 0)
    del values["same_class"]["silhouette"]
    alone = (sibling == itself).cpu().numpy()
    values["same_class"] = {each: np.where(alone, np.nan, column) for each, column in values["same_class"].items()}
    wrong = adversarial.logits.argmax(1) != y
    return Measured(images, _summary(images["group"].to_numpy(), values, draws, seed), structure(u, v, y, wrong))


def same_class(y: Int[Tensor, " n"], seed: int = 0) -> Int[Tensor, " n"]:
    """For each image another one of its class: a random cycle through each class.

    Args:
        y: Classes, shape (n,).
        seed: Seed of the order.

    Returns:
        Positions, shape (n,); the image itself only if it is alone in its class.
    """
    order = torch.randperm(len(y), generator=generator(seed, "same class")).to(y.device)
    other = torch.empty_like(order)
    for c in y.unique():
        members = order[y[order] == c]
        other[members] = members.roll(1)
    return other


def _neighbours(queries: Tensor, search: Search, k: int) -> Tensor:
    return search(queries, k) if len(queries) else torch.empty(0, k, dtype=torch.long, device=queries.device)


def _known(positions: Tensor) -> Search:
    """A search whose result is known; where an image is left out of it once more, nothing changes."""
    return lambda queries, k: positions[:, :k]


def _retrieval(
    moved: Tensor, neighbours: Tensor, y: Tensor, gallery: Gallery, name: DistanceName, own: Tensor | None
) -> dict[str, np.ndarray]:
    """Per image: recall@1, 5 and 10, and MAP@R."""
    classes = gallery.y[neighbours]
    values = {f"recall_{k}": recall_at_k(classes, y, min(k, classes.shape[1])).float() for k in RANKS}
    values["map_at_r"] = map_at_r(moved, y, gallery.embedding, gallery.y, name, without=own)
    return {measure: value.cpu().numpy() for measure, value in values.items()}


def _class_measures(
    moved: Tensor, y: Tensor, gallery: Gallery, margin: float, name: DistanceName, seed: int, own: Tensor | None
) -> dict[str, np.ndarray]:
    """Per image: silhouette, squared distance to its own centroid, violated triplet."""
    classes = int(max(y.max(), gallery.y.max())) + 1
    centroid = own_centroids(gallery.embedding, gallery.y, y, classes, *(() if own is None else (own,)))
    values = {
        "silhouette": silhouette(moved, y),
        "within": (unit(moved) - centroid).square().sum(1),
        "violated": _violated(moved, y, gallery, margin, name, generator(seed, "triplets"), own),
    }
    return {measure: value.cpu().numpy() for measure, value in values.items()}


def _violated(
    moved: Tensor,
    y: Tensor,
    gallery: Gallery,
    margin: float,
    name: DistanceName,
    source: torch.Generator,
    own: Tensor | None,
) -> Tensor:
    """1 where the drawn triplet is violated; NaN where the gallery has no positive, or no negative."""
    positives = torch.bincount(gallery.y, minlength=int(y.max()) + 1)[y]
    if own is not None:
        positives = positives - (own >= 0).long()
    rows = ((positives > 0) & (len(gallery.y.unique()) > 1)).nonzero()[:, 0]
    found = torch.full_like(moved[:, 0], torch.nan, dtype=torch.float32)
    if len(rows):
        left_out = None if own is None else own[rows]
        triplets = draw_triplets(
            moved[rows], y[rows], gallery.embedding, gallery.y, name=name, generator=source, without=left_out
        )
        found[rows] = violated(moved[rows], gallery.embedding, triplets, margin, name).float()
    return found


def _summary(group: np.ndarray, values: dict[str, dict[str, np.ndarray]], draws: int, seed: int) -> pd.DataFrame:
    wide = pd.DataFrame({(against, each): column for against, kind in values.items() for each, column in kind.items()})
    frames = []
    for name in GROUPS:
        rows = np.flatnonzero((group == name) | (name == "all"))
        means = mean_intervals(wide.take(rows), draws=draws, seed=seed)
        against, measure = zip(*means["measure"], strict=True)
        frames.append(means.assign(measure=measure, group=name, against=against))
    order = ["measure", "group", "against", "n", "mean", "low", "high"]
    return pd.concat(frames, ignore_index=True).reindex(columns=order)
