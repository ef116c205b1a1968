"""The table of shifts: one row per image, where it was and where an attack took it."""

from typing import NamedTuple

import pandas as pd
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName
from tla.nearest import Search
from tla.representation.angles import angle
from tla.representation.centroids import class_centroids, false_class, nearest_centroid_angle
from tla.representation.checks import check_embeddings, check_labels, check_logits, positions
from tla.representation.margin import centroid_margin, progress
from tla.representation.purity import Purity, knn_purity

MEASURES = ("angle", "relative_angle", "margin_clean", "margin", "progress", "purity_own", "purity_false")


class Gallery(NamedTuple):
    """Natural TRAINING embeddings with their classes: what centroids and neighbours are made of.

    Attributes:
        embedding: Shape (m, d).
        y: Classes, shape (m,).
    """

    embedding: Float[Tensor, "m d"]
    y: Int[Tensor, " m"]


class Shift(NamedTuple):
    """The measures of METHOD, one value per image, shape (n,) each; see `image_shifts` for what they mean."""

    false_class: Int[Tensor, " n"]
    angle: Float[Tensor, " n"]
    relative_angle: Float[Tensor, " n"]
    margin_clean: Float[Tensor, " n"]
    margin: Float[Tensor, " n"]
    progress: Float[Tensor, " n"]
    purity_own: Float[Tensor, " n"]
    purity_false: Float[Tensor, " n"]


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
        distance: D of the margins (and of the purity, where no search is given).
        search: A faster search of the gallery, `(queries, k) -> positions`.

    Returns:
        angle: between u and v, degrees. relative_angle: the same over the angle from the own centroid to the nearest
        other. margin_clean, margin: D(., c_t) - D(., c_y) of u and of v, negative nearer the false centroid.
        progress: share of the way from own to false centroid. purity_own, purity_false: shares of the k nearest
        natural training embeddings of v with class y, with class t.

    Raises:
        ValueError: for embeddings that are not finite or do not fit together, or labels out of range.
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
        adversarial: Embeddings of the same images attacked, shape (n, d).
        logits: Of the attacked images, shape (n, classes).
        y: True classes, shape (n,).
        gallery: Natural training embeddings with their classes.
        ids: Positions of the images in their split, shape (n,); 0..n-1 by default.
        k: Neighbours for the purity.
        distance: D of margins and neighbours.
        search: A faster search of the gallery, `(queries, k) -> positions`, made with the same distance.

    Returns:
        Columns id, y, prediction, false_class, group ("correct" or "misclassified", by the attacked image's
        prediction), angle, relative_angle, margin_clean, margin, progress, purity_own, purity_false; these are
        explained at `image_shifts`.

    Raises:
        ValueError: for inputs that are not finite, do not fit together, or labels out of range.
    """
    check_embeddings("adversarial", adversarial)
    check_logits(logits, len(clean))
    check_labels("y", y, len(clean), logits.shape[1])
    t, prediction = false_class(logits, y), logits.argmax(1)
    measured = image_shifts(clean, adversarial, t, y, gallery, logits.shape[1], k=k, distance=distance, search=search)
    frame = pd.DataFrame({"id": positions(ids, clean).cpu().numpy(), "y": y.cpu().numpy()})
    frame["prediction"] = prediction.cpu().numpy()
    frame["false_class"] = t.cpu().numpy()
    frame["group"] = pd.Series("correct", index=frame.index).mask(frame["prediction"] != frame["y"], "misclassified")
    for name in MEASURES:
        frame[name] = getattr(measured, name).float().cpu().numpy()
    return frame
