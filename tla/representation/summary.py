"""The shift summed up: every measure for all, correct and misclassified images, beside its zero point."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor

from tla.distances import DistanceName, unit
from tla.nearest import Search, nearest
from tla.ranking import map_at_r, recall_at_k
from tla.representation.centroids import class_centroids, false_class
from tla.representation.scatter import silhouette
from tla.representation.shift import MEASURES, Gallery, image_shifts, shift_frame
from tla.representation.structure import GROUPS, structure
from tla.representation.triplets import draw_triplets, violated
from tla.seeding import generator
from tla.statistics.intervals import mean_intervals
from tla.types import Outputs

RANKS = (1, 5, 10)
RETRIEVAL = (*(f"recall_{k}" for k in RANKS), "map_at_r")


class Measured(NamedTuple):
    """The parts of a `tla.representation.report.ShiftReport` that need embeddings only; see there."""

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
    """The report of outputs that are there already.

    Args:
        clean: Outputs of the clean test images, n rows.
        adversarial: Outputs of the same images attacked.
        y: True classes, shape (n,).
        gallery: Natural TRAINING embeddings with their classes.
        ids: Positions of the test images in their split, shape (n,).
        k: Neighbours for the purity.
        margin: alpha of the triplets.
        name: The distance.
        search: A faster search of the gallery, made with the same distance.
        draws: Bootstrap samples.
        seed: Of everything random.

    Raises:
        ValueError: for inputs that do not fit each other, labels out of range, embeddings that are not finite.
    """
    u, v = clean.embedding, adversarial.embedding
    look: Search = search or (lambda queries, k: nearest(queries, gallery.embedding, k, name).position)
    wide = min(max(k, *RANKS), len(gallery.y))
    reached = _asked(v, look, wide)
    images = shift_frame(u, v, adversarial.logits, y, gallery, ids=ids, k=k, distance=name, search=_fixed(reached))
    t, classes = false_class(adversarial.logits, y), adversarial.logits.shape[1]
    here = torch.arange(len(y), device=y.device)
    sibling = same_class(y, seed)
    around = _asked(u, look, wide)
    parts = {"adversarial": {each: images[each].to_numpy() for each in MEASURES}}
    for against, rows in (("clean", here), ("same_class", sibling)):
        found = image_shifts(u, u[rows], t, y, gallery, classes, k=k, distance=name, search=_fixed(around[rows]))
        parts[against] = {each: getattr(found, each).cpu().numpy() for each in MEASURES}
    back = _retrieval(u, around, y, gallery, name)
    parts["adversarial"] |= _retrieval(v, reached, y, gallery, name)
    parts["clean"] |= back
    parts["same_class"] |= {each: values[sibling.cpu().numpy()] for each, values in back.items()}
    for against, moved in (("adversarial", v), ("clean", u), ("same_class", u[sibling])):
        parts[against] |= _more(moved, y, gallery, margin, name, seed)
        gap = parts[against]["margin"]
        parts[against]["nearer_false"] = np.where(np.isnan(gap), np.nan, gap < 0)
    del parts["same_class"]["silhouette"]
    alone = (sibling == here).cpu().numpy()
    parts["same_class"] = {each: np.where(alone, np.nan, values) for each, values in parts["same_class"].items()}
    wrong = adversarial.logits.argmax(1) != y
    return Measured(images, _summary(images["group"].to_numpy(), parts, draws, seed), structure(u, v, y, wrong))


def same_class(y: Int[Tensor, " n"], seed: int = 0) -> Int[Tensor, " n"]:
    """For each image another one of its class: a random cycle through every class.

    Args:
        y: Classes, shape (n,).
        seed: Of the order.

    Returns:
        Positions, shape (n,); the image itself only where it is the only one of its class.
    """
    order = torch.randperm(len(y), generator=generator(seed, "same class")).to(y.device)
    other = torch.empty_like(order)
    for c in y.unique():
        members = order[y[order] == c]
        other[members] = members.roll(1)
    return other


def _asked(queries: Tensor, look: Search, k: int) -> Tensor:
    return look(queries, k) if len(queries) else torch.empty(0, k, dtype=torch.long, device=queries.device)


def _fixed(positions: Tensor) -> Search:
    return lambda queries, k: positions[:, :k]


def _retrieval(
    moved: Tensor, neighbours: Tensor, y: Tensor, gallery: Gallery, name: DistanceName
) -> dict[str, np.ndarray]:
    """Per image: is its class among the nearest 1, 5, 10, and MAP@R."""
    classes = gallery.y[neighbours]
    values = {f"recall_{k}": recall_at_k(classes, y, min(k, classes.shape[1])).float() for k in RANKS}
    values["map_at_r"] = map_at_r(moved, y, gallery.embedding, gallery.y, name)
    return {measure: value.cpu().numpy() for measure, value in values.items()}


def _more(
    moved: Tensor, y: Tensor, gallery: Gallery, margin: float, name: DistanceName, seed: int
) -> dict[str, np.ndarray]:
    """Per image: silhouette among its like, squared distance to the own centroid, violated triplet."""
    centroids = class_centroids(gallery.embedding, gallery.y, int(max(y.max(), gallery.y.max())) + 1)
    triplets = draw_triplets(moved, y, gallery.embedding, gallery.y, name=name, generator=generator(seed, "triplets"))
    values = {
        "silhouette": silhouette(moved, y),
        "within": (unit(moved) - centroids[y]).square().sum(1),
        "violated": violated(moved, gallery.embedding, triplets, margin, name).float(),
    }
    return {measure: value.cpu().numpy() for measure, value in values.items()}


def _summary(group: np.ndarray, parts: dict[str, dict[str, np.ndarray]], draws: int, seed: int) -> pd.DataFrame:
    wide = pd.DataFrame({(against, each): values for against, part in parts.items() for each, values in part.items()})
    frames = []
    for name in GROUPS:
        rows = np.flatnonzero((group == name) | (name == "all"))
        found = mean_intervals(wide.take(rows), draws=draws, seed=seed)
        against, measure = zip(*found["measure"], strict=True)
        frames.append(found.assign(measure=measure, group=name, against=against))
    order = ["measure", "group", "against", "n", "mean", "low", "high"]
    return pd.concat(frames, ignore_index=True).reindex(columns=order)
