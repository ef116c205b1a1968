"""All models of a study of embeddings: the same images in the same order, the same conditions and classes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, distance
from tla.formats import raw
from tla.nearest import find_ids
from tla.representation.centroids import centroid_logits, class_centroids, own_centroids
from tla.study.embeddings.model import ModelEmbeddings, checked_model
from tla.study.embeddings.read import Parts
from tla.types import Outputs

FAR = -2.0
"""The logit of a class without a centroid: minus the largest cosine distance."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StudyEmbeddings:
    """The embeddings of a study.

    Args:
        models: At least one, with the same test images in the same order.
        conditions: Names of the conditions other than clean, sorted.
        classes: Names of the classes; empty if they are not known.
        notes: What is not there, and what that means, a sentence each.
    """

    models: tuple[ModelEmbeddings, ...]
    conditions: tuple[str, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def first(self) -> ModelEmbeddings:
        """The first model, for what all have in common."""
        return self.models[0]

    @property
    def labelled(self) -> bool:
        """True if the classes of the images are known."""
        return self.first.y is not None


class Needs(NamedTuple):
    """What a study of embeddings may lack, and what is then left out."""

    classes: str = "No classes: margins, retrieval, separation and detection are left out; add y, or y_test.npy."
    one_class: str = "Only one class: margins, retrieval, separation and detection need two, and are left out."
    gallery: str = "No gallery: the test images are their own gallery, each without itself."
    logits: str = (
        "No logits: the predicted class is that of the nearest class centroid, and detectors that read logits are "
        "left out."
    )
    pictures: str = "No pictures: images are shown by their numbers."


NEEDS = Needs()


def study_embeddings(parts: Mapping[str, Parts]) -> StudyEmbeddings:
    """Check the arrays of all models, and put their rows into one order.

    Args:
        parts: From `tla.study.embeddings.read`.

    Raises:
        ValueError: names what does not fit.
    """
    models = [checked_model(name, some) for name, some in parts.items()]
    first = models[0]
    models = [first, *(_like_first(model, first) for model in models[1:])]
    labels = [values for model in models for values in (model.y, model.gallery_y) if values is not None]
    several = bool(labels) and len(torch.cat(labels).unique()) > 1
    notes = [NEEDS.one_class if labels else NEEDS.classes] if not several else []
    notes += [NEEDS.gallery] if any(model.shared for model in models) else []
    bare = [model.name for model in models if not model.logits]
    if bare:
        notes.append(NEEDS.logits if len(bare) == len(models) else f"{', '.join(bare)}: {NEEDS.logits}")
    notes += [] if first.images else [NEEDS.pictures]
    classes = _classes(parts, models, labels) if several else ()
    if not several:
        models = [replace(model, y=None, gallery_y=None) for model in models]
    return StudyEmbeddings(
        models=tuple(models), conditions=tuple(sorted(first.shifted)), classes=classes, notes=tuple(notes)
    )


def _like_first(model: ModelEmbeddings, first: ModelEmbeddings) -> ModelEmbeddings:
    """The model with its rows in the order of the first one's."""
    for what, own, known in (
        ("conditions", sorted(model.shifted), sorted(first.shifted)),
        ("number of test images", len(model.ids), len(first.ids)),
    ):
        if own != known:
            raise ValueError(f"{model.name} and {first.name} must have the same {what}, got {own} and {known}")
    order = find_ids(first.ids, model.ids)
    if bool((order < 0).any()):
        raise ValueError(f"{model.name} and {first.name} must have the same ids of test images; {model.name} lacks "
                         f"{int(first.ids[order < 0][0])}")  # fmt: skip
    y = None if model.y is None else model.y[order]
    if not _equal(y, first.y):
        raise ValueError(f"{model.name} and {first.name} must have the same classes of test images, got others")
    _check_gallery(model, first)
    changed = replace(
        model,
        test=model.test[order],
        ids=model.ids[order],
        y=y,
        shifted={which: values[order] for which, values in model.shifted.items()},
        logits={which: values if which == "gallery" else values[order] for which, values in model.logits.items()},
        images={which: v if which == "gallery" else v[order.numpy()] for which, v in model.images.items()},
    )
    return replace(changed, gallery=changed.test, gallery_y=y, gallery_ids=changed.ids) if model.shared else changed


def _check_gallery(model: ModelEmbeddings, first: ModelEmbeddings) -> None:
    """Raises ValueError unless two models have the same images in their galleries, in any order."""
    alike = model.shared == first.shared and torch.equal(
        model.gallery_ids.sort().values, first.gallery_ids.sort().values
    )
    if alike and model.gallery_y is not None and first.gallery_y is not None:
        place = find_ids(first.gallery_ids, model.gallery_ids)
        alike = torch.equal(model.gallery_y[place], first.gallery_y)
    if not alike:
        raise ValueError(f"{model.name} and {first.name} must have the same images in their galleries, got others")


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    return one is other if one is None or other is None else torch.equal(one, other)


def _classes(parts: Mapping[str, Parts], models: list[ModelEmbeddings], labels: list[Tensor]) -> tuple[str, ...]:
    """Names of the classes; their numbers where there are none."""
    count = int(torch.cat(labels).max()) + 1
    for model in models:
        width = next((values.shape[1] for values in model.logits.values()), count)
        if width < count:
            raise ValueError(
                f"{model.name}: logits are of {width} classes, but the classes of the images reach {count - 1}"
            )
        count = max(count, width)
    named = next((some["classes"] for some in parts.values() if "classes" in some), None)
    if named is None:
        return tuple(map(str, range(count)))
    if len(named.values) < count:
        raise ValueError(f"{named.name}: {count} classes need as many names, got {len(named.values)}")
    return tuple(named.values)


def outputs_of(model: ModelEmbeddings, which: str, classes: int, name: DistanceName) -> Outputs:
    """Embeddings of the test images in a condition with their logits.

    Without logits they are minus the distances to the class centroids of the gallery; where the gallery is the test
    images, the centroid of an image's own class is that of the others. The prediction is then the nearest centroid.

    Args:
        model: With classes.
        which: "test" or a condition.
        classes: How many there are.
        name: The distance to the centroids.
    """
    embedding = model.test if which == "test" else model.shifted[which]
    if model.logits:
        logits = model.logits[which]
        missing = classes - logits.shape[1]
        least = logits.amin(1, keepdim=True) - 1
        return Outputs(torch.cat([logits, least.expand(-1, missing)], 1) if missing else logits, embedding)
    assert model.y is not None
    assert model.gallery_y is not None
    logits = centroid_logits(embedding, class_centroids(model.gallery, model.gallery_y, classes), name)
    if model.shared:
        itself = torch.arange(len(model.y))
        own = own_centroids(model.gallery, model.gallery_y, model.y, classes, itself)
        logits[itself, model.y] = -distance(embedding, own, name)
    return Outputs(logits.nan_to_num(FAR), embedding)


def gallery_logits(model: ModelEmbeddings, classes: int) -> Float[Tensor, "m c"]:
    """Logits of the gallery: those given, else zeros, since a detector learns from classes and embeddings."""
    given = model.logits.get("test" if model.shared else "gallery")
    found = torch.zeros(len(model.gallery), classes)
    if given is not None:
        found[:, : given.shape[1]] = given
    return found


def predictions(outputs: Outputs | None, like: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """Predicted classes; -1 where nothing predicts one."""
    return torch.full_like(like, -1) if outputs is None else outputs.logits.argmax(1)


def content_digest(model: ModelEmbeddings) -> str:
    """SHA-256 of everything that a model's measures depend on."""
    found = hashlib.sha256()
    tensors = {"test": model.test, "ids": model.ids, "gallery": model.gallery, "gallery_ids": model.gallery_ids}
    tensors |= {"y": model.y, "gallery_y": model.gallery_y}
    tensors |= {f"shifted {name}": values for name, values in model.shifted.items()}
    tensors |= {f"logits {name}": values for name, values in model.logits.items()}
    arrays = {name: values.numpy() for name, values in tensors.items() if values is not None}
    for name, values in (arrays | {f"images {name}": pixels for name, pixels in model.images.items()}).items():
        found.update(f"{name} {values.dtype} {values.shape}".encode())
        found.update(raw(values))
    return found.hexdigest()
