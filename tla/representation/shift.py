"""How far an attack moves each embedding, and towards what: angles, margins, purity; one row per image."""

from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, unit
from tla.nearest import Search, find_ids
from tla.representation.centroids import class_centroids, false_class, own_centroids
from tla.representation.checks import check_embeddings, check_labels, check_logits, positions
from tla.representation.margin import centroid_margin, progress
from tla.representation.purity import Purity, knn_purity

CHUNK = 2**22
MEASURES = ("angle", "relative_angle", "margin_clean", "margin", "progress", "purity_own", "purity_false")


class Gallery(NamedTuple):
    """Natural embeddings with their classes: the source of centroids and neighbours.

    They are those of TRAINING images, or of the test images' own split. Then `ids` says which is which, and an image
    is left out of its own neighbours and of its own class's centroid.

    Attributes:
        embedding: Shape (m, d).
        y: Classes, shape (m,).
        ids: Positions in the split of the test images, shape (m,), all different; None for images of another split.
    """

    embedding: Float[Tensor, "m d"]
    y: Int[Tensor, " m"]
    ids: Int[Tensor, " m"] | None = None

    def without(self, ids: Int[Tensor, " n"], y: Int[Tensor, " n"]) -> Int[Tensor, " n"] | None:
        """Position of each test image in the gallery, -1 if it is not there; None for a gallery of another split.

        Args:
            ids: Positions of the test images in their split, shape (n,).
            y: Their classes, shape (n,).

        Raises:
            ValueError: if an image has another class in the gallery, so that it cannot be the same image.
        """
        if self.ids is None or not len(self.ids):
            return None
        found = find_ids(ids.to(self.ids.device), self.ids).to(self.y.device)
        differ = int(((found >= 0) & (self.y[found.clamp_min(0)] != y)).sum())
        if differ:
            raise ValueError(f"gallery.ids must be those of the test images, got another class at {differ} of them")
        return found


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
    return _to_nearest_other(centroids, torch.arange(len(centroids), device=centroids.device), centroids)


def _to_nearest_other(
    own: Float[Tensor, "n d"], y: Int[Tensor, " n"], centroids: Float[Tensor, "c d"]
) -> Float[Tensor, " n"]:
    """The angle in degrees from each image's own centroid to the nearest centroid of another class than y."""
    chunks, classes = [], torch.arange(len(centroids), device=centroids.device)
    rows = max(1, CHUNK // max(1, centroids.numel()))
    for some, labels in zip(own.split(rows), y.split(rows), strict=True):
        n, c = len(some), len(centroids)
        between = angle(some[:, None].expand(n, c, -1), centroids[None].expand(n, c, -1))
        smallest = between.masked_fill((classes == labels[:, None]) | between.isnan(), torch.inf).amin(1)
        chunks.append(smallest.masked_fill(smallest.isinf() | some.isnan().any(1), torch.nan))
    return torch.cat(chunks)


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
    without: Int[Tensor, " n"] | None = None,
    moved_without: Int[Tensor, " n"] | None = None,
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
        without: Position in the gallery of each clean image itself, -1 if it is not there, shape (n,); see
            `Gallery.without`.
        moved_without: The same of each moved image; by default it is the clean image.

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
    turned = angle(clean, moved)
    purity = Purity(turned, turned)
    if len(clean):
        left_out = without if moved_without is None else moved_without
        purity = knn_purity(moved, gallery.embedding, gallery.y, y, t, k, distance, search, left_out)
    towards = _towards(clean, moved, t, y, gallery, classes, distance, without, moved_without)
    return Shift(
        false_class=t,
        angle=turned,
        relative_angle=turned / towards.apart,
        margin_clean=towards.margin_clean,
        margin=towards.margin,
        progress=towards.progress,
        purity_own=purity.own,
        purity_false=purity.false,
    )


class _Towards(NamedTuple):
    """What depends on the centroids; `apart` is the angle from the own to the nearest other one."""

    apart: Float[Tensor, " n"]
    margin_clean: Float[Tensor, " n"]
    margin: Float[Tensor, " n"]
    progress: Float[Tensor, " n"]


def _towards(
    clean: Tensor,
    moved: Tensor,
    t: Tensor,
    y: Tensor,
    gallery: Gallery,
    classes: int,
    distance: DistanceName,
    without: Tensor | None,
    moved_without: Tensor | None,
) -> _Towards:
    """Margins and progress; each image is left out of its own centroid if it is in the gallery."""
    centroids = class_centroids(gallery.embedding, gallery.y, classes)
    if without is None:
        return _Towards(
            nearest_centroid_angle(centroids)[y],
            centroid_margin(clean, centroids, y, t, distance),
            centroid_margin(moved, centroids, y, t, distance),
            progress(clean, moved, centroids, y, t),
        )
    moved_without = without if moved_without is None else moved_without
    own, own_moved, own_both = (
        own_centroids(gallery.embedding, gallery.y, y, classes, *positions)
        for positions in ((without,), (moved_without,), (without, moved_without))
    )
    first, second = torch.arange(len(y), device=y.device), torch.arange(len(y), device=y.device) + len(y)
    false = centroids[t]

    def pairs(own: Tensor) -> Tensor:
        return torch.cat([own, false])

    return _Towards(
        _to_nearest_other(own, y, centroids),
        centroid_margin(clean, pairs(own), first, second, distance),
        centroid_margin(moved, pairs(own_moved), first, second, distance),
        progress(clean, moved, pairs(own_both), first, second),
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
        gallery: Natural embeddings with their classes; with ids, an image in it is left out of its own measures.
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
    ids = positions(ids, clean)
    shifts = image_shifts(
        clean, adversarial, t, y, gallery, logits.shape[1],
        k=k, distance=distance, search=search, without=gallery.without(ids, y),
    )  # fmt: skip
    frame = pd.DataFrame({"id": ids.cpu().numpy(), "y": y.cpu().numpy()})
    frame["prediction"] = prediction.cpu().numpy()
    frame["false_class"] = t.cpu().numpy()
    frame["group"] = pd.Series("correct", index=frame.index).mask(frame["prediction"] != frame["y"], "misclassified")
    for name in MEASURES:
        frame[name] = getattr(shifts, name).float().cpu().numpy()
    return frame
