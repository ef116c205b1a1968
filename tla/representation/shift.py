"""How far an attack moves each embedding, and towards what: angles, margins, purity; one row per image."""

from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, unit
from tla.nearest import Search
from tla.representation.centroids import class_centroids, false_class
from tla.representation.checks import check_embeddings, check_labels, check_logits, positions
from tla.representation.margin import centroid_margin, progress
from tla.representation.purity import Purity, knn_purity

MEASURES = ("angle", "relative_angle", "margin_clean", "margin", "progress", "purity_own", "purity_false")


class Gallery(NamedTuple):
    """Natural TRAINING embeddings with their classes: the source of centroids and neighbours.

    Attributes:
        embedding: Shape (m, d).
        y: Classes, shape (m,).
    """

    embedding: Float[Tensor, "m d"]
    y: Int[Tensor, " m"]


class Shift(NamedTuple):
    """The measures of a shift, one value per image, shape (n,) each; explained at `image_shifts`."""

    false_class: Int[Tensor, " n"]
    angle: Float[Tensor, " n"]
    relative_angle: Float[Tensor, " n"]
    margin_clean: Float[Tensor, " n"]
    margin: Float[Tensor, " n"]
    progress: Float[Tensor, " n"]
    purity_own: Float[Tensor, " n"]
    purity_false: Float[Tensor, " n"]


def angle(u: Float[Tensor, "*n d"], v: Float[Tensor, "*n d"]) -> Float[Tensor, "*n"]:
    """The angle between rows of u and of v, in degrees, 0..180.

    2 atan2(|u - v|, |u + v|) over unit vectors (Kahan): still exact where the acos of a rounded cosine has no correct
    digit left. Behind a ReLU all angles are at most 90. A zero row is at 90 degrees to every other and 0 to a zero row.

    Args:
        u: Embeddings, shape (..., d).
        v: Embeddings of the same shape.
    """
    u, v = unit(u), unit(v)
    return torch.rad2deg(2 * torch.atan2((u - v).norm(dim=-1), (u + v).norm(dim=-1)))


def nearest_centroid_angle(centroids: Float[Tensor, "c d"]) -> Float[Tensor, " c"]:
    """The angle in degrees from each centroid to the nearest other one; NaN if there is none."""
    c = len(centroids)
    between = angle(centroids[:, None].expand(c, c, -1), centroids[None].expand(c, c, -1))
    apart = between.masked_fill(torch.eye(c, dtype=torch.bool, device=centroids.device) | between.isnan(), torch.inf)
    smallest = apart.amin(1)
    return smallest.masked_fill(smallest.isinf() | centroids.isnan().any(1), torch.nan)


def image_shifts(
    clean: Float[Tensor, "n d"],
    moved: Float[Tensor, "m e"],
    t: Int[Tensor, " n"],
    y: Int[Tensor, " n"],
    gallery: Gallery,
    classes: int,
    *,
    k: int = 10,
    distance: DistanceName = "abs_cosine",
    search: Search | None = None,
) -> Shift:
    """How far each embedding moved, and towards what.

    Args:
        clean: u = h(x), shape (n, d).
        moved: v = h(x'), shape (n, d).
        t: False classes, shape (n,); see `false_class`.
        y: True classes, shape (n,).
        gallery: Natural training embeddings. A class without any gives NaN where its centroid is needed.
        classes: How many classes there are.
        k: Neighbours for the purity.
        distance: D of the margins (and of the purity, if no search is given).
        search: A faster search of the gallery, `(queries, k) -> positions`.

    Returns:
        angle: between u and v, degrees. relative_angle: angle over the angle from the own centroid to the nearest
        other one. margin_clean, margin: D(., c_t) - D(., c_y) of u and of v, negative nearer the false centroid.
        progress: share of the way covered from own to false centroid. purity_own, purity_false: shares of the k nearest
        natural training embeddings of v with class y, with class t.

    Raises:
        ValueError: for embeddings that are not finite or do not match, or labels out of range.
    """
    check_embeddings("clean", clean)
    check_embeddings("moved", moved, ("clean", clean))
    check_embeddings("gallery", gallery.embedding, ("clean", clean))
    if len(moved) != len(clean):
        raise ValueError(f"clean and moved must be pairs, got {len(clean)} and {len(moved)} embeddings")
    check_labels("y", y, len(clean), classes)
    check_labels("gallery.y", gallery.y, len(gallery.embedding), classes)
    centroids = class_centroids(gallery.embedding, gallery.y, classes)
    turned = angle(clean, moved)
    purity = Purity(turned, turned)
    if len(clean):
        purity = knn_purity(moved, gallery.embedding, gallery.y, y, t, k, distance, search)
    return Shift(
        false_class=t,
        angle=turned,
        relative_angle=turned / nearest_centroid_angle(centroids)[y],
        margin_clean=centroid_margin(clean, centroids, y, t, distance),
        margin=centroid_margin(moved, centroids, y, t, distance),
        progress=progress(clean, moved, centroids, y, t),
        purity_own=purity.own,
        purity_false=purity.false,
    )


def shift_frame(
    clean: Float[Tensor, "n d"],
    adversarial: Float[Tensor, "m e"],
    logits: Float[Tensor, "l c"],
    y: Int[Tensor, " n"],
    gallery: Gallery,
    *,
    ids: Int[Tensor, " n"] | None = None,
    k: int = 10,
    distance: DistanceName = "abs_cosine",
    search: Search | None = None,
) -> pd.DataFrame:
    """The `shift` table of one model and one attack, one row per image.

    Args:
        clean: Embeddings of the clean test images, shape (n, d).
        adversarial: Embeddings of the same images under attack, shape (n, d).
        logits: Of the attacked images, shape (n, classes).
        y: True classes, shape (n,).
        gallery: Natural training embeddings with their classes.
        ids: Positions of the images in their split, shape (n,); 0..n-1 by default.
        k: Neighbours for the purity.
        distance: D of margins and neighbours.
        search: A faster search of the gallery, `(queries, k) -> positions`, by the same distance.

    Returns:
        Columns id, y, prediction, false_class, group ("correct" or "misclassified", by the attacked image's
        prediction), angle, relative_angle, margin_clean, margin, progress, purity_own, purity_false;
        explained at `image_shifts`.

    Raises:
        ValueError: for inputs that are not finite or do not match, or labels out of range.
    """
    check_embeddings("adversarial", adversarial)
    check_logits(logits, len(clean))
    check_labels("y", y, len(clean), logits.shape[1])
    t, prediction = false_class(logits, y), logits.argmax(1)
    shifts = image_shifts(clean, adversarial, t, y, gallery, logits.shape[1], k=k, distance=distance, search=search)
    frame = pd.DataFrame({"id": positions(ids, clean).cpu().numpy(), "y": y.cpu().numpy()})
    frame["prediction"] = prediction.cpu().numpy()
    frame["false_class"] = t.cpu().numpy()
    frame["group"] = pd.Series("correct", index=frame.index).mask(frame["prediction"] != frame["y"], "misclassified")
    for name in MEASURES:
        frame[name] = getattr(shifts, name).float().cpu().numpy()
    return frame
