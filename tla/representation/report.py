"""The whole shift of one model under one attack: per image, summarised, and layer by layer."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.capture import layer_frame
from tla.representation.embedding import EmbeddingDtype, Pixels, embed
from tla.representation.shift import Gallery
from tla.representation.summary import measure
from tla.seeding import generator
from tla.tensors import as_images, as_labels, dtype_of
from tla.types import Model


class ShiftReport(NamedTuple):
    """What an attack did to a representation.

    Attributes:
        images: The `shift` table, one row per image.
        summary: One row per measure, group ("all", "correct", "misclassified": by the attacked image's prediction) and
            against: "adversarial" is the attack itself; "clean" is the zero point, the same images with the clean
            embedding in place of the attacked one (angle and progress are 0 by definition, margin and purity are
            those of the clean image); "same_class" is a yardstick, the embedding of another clean test image of the
            same class, drawn with a seed, in place of the attacked one. The false class is that of the attacked
            image in all three. Columns measure, group, against, n, mean, low, high (95 % bootstrap over images).
            Measures: those of `image_shifts`, nearer_false (share with a negative margin), recall_1, recall_5,
            recall_10, map_at_r (in the gallery), silhouette (among all images of its kind,
            which the bootstrap holds fixed), within (squared distance of the unit embedding to its own centroid),
            violated (share of triplets).
        structure: See `tla.representation.structure.structure`: separation and collapse of each group alone, one
            row per measure, group and kind ("clean" is the zero point), with 95 % intervals.
        layers: See `layer_frame`: one row per layer and group, with 95 % intervals; the zero point is a CKA of 1.
    """

    images: pd.DataFrame
    summary: pd.DataFrame
    structure: pd.DataFrame
    layers: pd.DataFrame


def shift_report(
    model: Model,
    clean: Pixels,
    adversarial: Pixels,
    y: Int[Tensor, " n"],
    gallery: Pixels,
    gallery_y: Int[Tensor, " m"],
    *,
    ids: Int[Tensor, " n"] | None = None,
    gallery_ids: Int[Tensor, " m"] | None = None,
    layers: Sequence[str] | None = None,
    pairs: int = 2000,
    batch: int = 512,
    precision: EmbeddingDtype = "float32",
    index: Callable[[Gallery], Search] | None = None,
    seed: int = 0,
) -> ShiftReport:
    """Measure what an attack did to a model's representation.

    Args:
        model: Maps images in [0, 1] to `Outputs`; left as it was.
        clean: Test images, shape (n, ...).
        adversarial: The same images under attack.
        y: True classes, shape (n,).
        gallery: Natural TRAINING images, shape (m, ...): centroids, neighbours and triplets come from them. They may
            also be of the test images' own split, see `gallery_ids`.
        gallery_y: Their classes, shape (m,).
        ids: Positions of the test images in their split, shape (n,); 0..n-1 by default.
        gallery_ids: Positions of the gallery's images in the split of the test images, shape (m,), if they are of that
            split: an image is then left out of its own neighbours, centroid and triplets.
        layers: Names of modules for the CKA; by default all innermost ones, () for none.
        pairs: At most this many images (drawn with the seed) for the CKA.
        batch: Images per forward pass.
        precision: "float32" or "bfloat16" (embeddings only; layers are float32).
        index: Builds a faster search of the gallery: `lambda g: GalleryIndex.build(g.embedding, g.y).positions`.
        seed: Seed of the bootstrap, the pairs of one class, the triplets and the CKA's images.

    Raises:
        ValueError: for images that are not pairs, labels out of range, embeddings that are not finite.
    """
    clean, adversarial, gallery = (
        as_images(name, x, dtype=dtype_of(model), keep=True)
        for name, x in (("clean", clean), ("adversarial", adversarial), ("gallery", gallery))
    )
    y, gallery_y = as_labels("y", y, len(clean)), as_labels("gallery_y", gallery_y, len(gallery))
    ids = None if ids is None else as_labels("ids", ids, len(clean))
    if len(clean) != len(adversarial):
        raise ValueError(f"clean and adversarial must be pairs, got {len(clean)} and {len(adversarial)} images")
    natural, attacked = (embed(model, x, batch, precision) for x in (clean, adversarial))
    training = Gallery(embed(model, gallery, batch, precision).embedding, gallery_y, gallery_ids)
    search = None if index is None else index(training)
    tables = measure(natural, attacked, y, training, ids=ids, search=search, seed=seed)
    rows = torch.randperm(len(clean), generator=generator(seed, "cka"))[:pairs].sort().values
    wrong = (attacked.logits.argmax(1) != y)[rows]
    names = layers if layers is None else tuple(layers)
    by_layer = layer_frame(model, clean[rows], adversarial[rows], names, batch, wrong=wrong)
    return ShiftReport(tables.images, tables.summary, tables.structure, by_layer)
