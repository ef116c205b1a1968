"""Detectors for images that are in the gallery themselves: each is scored by a fit that has not seen it."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import Detector, LeavesOneOut, LeftOutScore, Score
from tla.seeding import generator
from tla.types import Outputs

FOLDS = 5


@dataclass(frozen=True, eq=False)
class HeldOutScore:
    """The score of certain images, in this order; a `Score` that has to be told which images a batch holds.

    Args:
        score: Takes outputs, and the position in the gallery of what to leave out.
        without: Position in the gallery of each image itself, -1 if it is not there, shape (n,).
    """

    score: LeftOutScore
    without: Int[Tensor, " n"]

    def __call__(self, outputs: Outputs) -> Float[Tensor, " n"]:
        """How suspicious each image is."""
        return self.score(outputs, self.without)

    def select(self, rows: Tensor) -> "HeldOutScore":
        """The score of some of the images (positions or a mask)."""
        return replace(self, without=self.without[rows])


def fit_held_out(
    detector: Detector,
    gallery: Outputs,
    gallery_y: Int[Tensor, " m"],
    without: Int[Tensor, " n"] | None,
    search: Search | None = None,
    *,
    folds: int = FOLDS,
    seed: int = 0,
) -> Score:
    """Fit a detector so that no image is scored by a fit to itself.

    Where it has a closed form, exactly one embedding is left out for each image; other detectors are fitted once for
    every fold of a class-balanced split, without that fold.

    Args:
        detector: The detector.
        gallery: Natural outputs, m rows.
        gallery_y: Their classes, shape (m,).
        without: Position in the gallery of each image, -1 if it is not there, shape (n,); None for a gallery of other
            images: the detector is then fitted as usual.
        search: A faster search of the gallery's embeddings.
        folds: How many folds, 2..m.
        seed: Seed of the split.

    Returns:
        The score; a `HeldOutScore` of the n images unless `without` is None.

    Raises:
        ValueError: if the detector refuses the gallery, or what is left of it.
    """
    if without is None:
        return detector.fit(gallery.embedding, gallery.logits, gallery_y, search)
    if isinstance(detector, LeavesOneOut):
        score = detector.fit_without(gallery.embedding, gallery.logits, gallery_y, search)
        return HeldOutScore(score, without)
    if not 2 <= folds <= len(gallery_y):
        raise ValueError(f"folds must lie between 2 and the gallery's {len(gallery_y)} images, got {folds}")
    fold = balanced_folds(gallery_y, folds, seed)
    fits = [_fit_rows(detector, gallery, gallery_y, fold != number) for number in range(folds)]
    if bool((without < 0).any()):
        fits.append(_fit_rows(detector, gallery, gallery_y, fold >= 0))

    def by_fold(outputs: Outputs, left_out: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
        chosen = torch.where(left_out >= 0, fold[left_out.clamp_min(0)], folds)
        found = outputs.logits.new_zeros(len(left_out), dtype=torch.float32)
        for number in chosen.unique().tolist():
            rows = (chosen == number).nonzero()[:, 0]
            found = found.index_copy(0, rows, fits[number](Outputs(*(tensor[rows] for tensor in outputs))))
        return found

    return HeldOutScore(by_fold, without)


def balanced_folds(y: Int[Tensor, " m"], folds: int, seed: int = 0) -> Int[Tensor, " m"]:
    """A fold 0..folds-1 for each image: every fold has nearly equally many of each class, and of all.

    Args:
        y: Classes, shape (m,).
        folds: How many.
        seed: Seed of the draw.
    """
    order = torch.randperm(len(y), generator=generator(seed, "folds")).to(y.device)
    order = order[y[order].argsort(stable=True)]
    fold = torch.empty_like(y)
    fold[order] = torch.arange(len(y), device=y.device) % folds
    return fold


def _fit_rows(detector: Detector, gallery: Outputs, y: Tensor, rows: Tensor) -> Score:
    return detector.fit(gallery.embedding[rows], gallery.logits[rows], y[rows])
