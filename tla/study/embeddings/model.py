"""The embeddings of one model, checked: clean test images, the same images in other conditions, and a gallery."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.retrieval import Embeddings
from tla.study.embeddings.read import MappedFile, Parts, Rows
from tla.tensors import as_tensor, broken_rows

LEAST = 5
"""The fewest test images that a map and an interval can be made of."""
PREFIXES = ("y", "logits", "images")
RESERVED = ("clean", "noise", "all", "worst", "classes", *PREFIXES)
_NAME = re.compile(r"\w[\w .+-]{0,59}")


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelEmbeddings:
    """Embeddings of one model.

    Args:
        name: The model's name in tables and figures.
        test: Clean test images, float32, shape (n, d).
        ids: Their ids, all different, shape (n,).
        y: Their classes, shape (n,); None if they are not known.
        gallery: What neighbours and centroids come from, shape (m, d): natural training images, or the test images.
        gallery_y: Its classes, shape (m,); None if they are not known.
        gallery_ids: Its ids, shape (m,); where `shared` those of the test images.
        shared: True if the gallery is the test images, each of which is then left out of its own measures.
        shifted: The test images in every other condition, in the rows of `test`, each of shape (n, d).
        logits: Of "test", "gallery" and the conditions, shape (n, classes); empty if there are none.
        images: Pictures likewise, uint8 of shape (n, c, h, w).
        files: Those that some of it still lies in.
    """

    name: str
    test: Float[Tensor, "n d"]
    ids: Int[Tensor, " n"]
    y: Int[Tensor, " n"] | None
    gallery: Float[Tensor, "m d"]
    gallery_y: Int[Tensor, " m"] | None
    gallery_ids: Int[Tensor, " m"]
    shared: bool
    shifted: Mapping[str, Float[Tensor, "n d"]]
    logits: Mapping[str, Float[Tensor, "n c"]] = field(default_factory=dict)
    images: Mapping[str, np.ndarray] = field(default_factory=dict)
    files: tuple[MappedFile, ...] = ()


class Table(NamedTuple):
    """Embeddings in the order of their file.

    Attributes:
        embedding: Float32, finite, shape (n, d).
        ids: Shape (n,); 0..n-1 if the file has none.
        y: Classes, shape (n,); None if the file has none.
    """

    embedding: Float[Tensor, "n d"]
    ids: Int[Tensor, " n"]
    y: Int[Tensor, " n"] | None


def checked_model(name: str, parts: Parts) -> ModelEmbeddings:
    """The embeddings of one model from its arrays, in one order of rows.

    Raises:
        ValueError: names the array that does not fit, what is allowed, and what came.
    """
    _check_name("a model's name", name)
    if "test" not in parts:
        raise ValueError(f"{name}: there are no test embeddings ('test'); got {', '.join(sorted(parts)) or 'nothing'}")
    conditions = conditions_of(name, parts)
    test = table(parts["test"])
    if len(test.embedding) < LEAST:
        raise ValueError(f"{parts['test'].name}: at least {LEAST} test images are needed, got {len(test.embedding)}")
    _check_ids(parts["test"].name, test.ids)
    y = _labels(parts, "test", len(test.embedding), test.y)
    tables = {
        condition: _like(table(parts[condition]), parts[condition], parts["test"], test) for condition in conditions
    }
    order = {condition: _order(found, parts[condition], parts["test"], test, y) for condition, found in tables.items()}
    shared = "gallery" not in parts
    gallery, gallery_y = test, y
    if not shared:
        gallery = _like(table(parts["gallery"]), parts["gallery"], parts["test"], test)
        gallery_y = _labels(parts, "gallery", len(gallery.embedding), gallery.y)
        _check_ids(parts["gallery"].name, gallery.ids)
        if (y is None) != (gallery_y is None):
            lacks = "gallery" if gallery_y is None else "test"
            raise ValueError(f"{name}: the classes of the {lacks} are missing: add y to its table, or y_{lacks}.npy")
    n = len(test.embedding)
    counts = {"test": n, "gallery": len(gallery.embedding)} | dict.fromkeys(conditions, n)
    logits, images = _logits(parts, counts, ("test", *conditions)), _images(parts, counts)
    return ModelEmbeddings(
        name=name,
        test=test.embedding,
        ids=test.ids,
        y=y,
        gallery=gallery.embedding,
        gallery_y=gallery_y,
        gallery_ids=gallery.ids,
        shared=shared,
        shifted={condition: found.embedding[order[condition]] for condition, found in tables.items()},
        logits={which: values[order[which]] if which in order else values for which, values in logits.items()},
        images={which: values[order[which].numpy()] if which in order else values for which, values in images.items()},
        files=tuple(rows.file for rows in parts.values() if rows.file is not None),
    )


def conditions_of(name: str, parts: Parts) -> list[str]:
    """Names of the conditions among the arrays of a model, sorted.

    Raises:
        ValueError: if there is none, or for an array whose name says that it belongs to one that is not there.
    """
    plain = {stem for stem in parts if stem.partition("_")[0] not in PREFIXES or "_" not in stem}
    conditions = sorted(plain - {"test", "gallery", "classes"})
    for stem in conditions:
        _check_name("a condition's name", stem)
        if stem in RESERVED:
            raise ValueError(f"{parts[stem].name}: {stem!r} has another meaning; give the condition another name")
    known = ("test", "gallery", *conditions)
    for stem in sorted(set(parts) - plain):
        prefix, _, what = stem.partition("_")
        allowed = ("test", "gallery") if prefix == "y" else known
        if what not in allowed:
            raise ValueError(f"{parts[stem].name}: {prefix}_ must be followed by {' or '.join(allowed)}, got {what!r}")
    if not conditions:
        raise ValueError(
            f"{name}: there is only the condition 'test'; add embeddings of the same test images in another one, "
            "such as attacked.npy or blur.npy"
        )
    return conditions


def table(rows: Rows) -> Table:
    """Embeddings as they came: an array, a tensor's values, or a parquet file.

    Raises:
        ValueError: for another shape, no numbers, or rows that are not finite; names them.
    """
    if isinstance(rows.values, Embeddings):
        embedding, y, ids = rows.values
        found = Table(embedding, ids, y if rows.labelled else None)
    else:
        values = np.asarray(rows.values)
        if values.ndim != 2 or not values.shape[1] or values.dtype.kind not in "fiu":
            raise ValueError(f"{rows.name}: embeddings must be numbers of shape (n, d), got {_shape(values)}")
        found = Table(as_tensor(rows.name, values.astype(np.float32, copy=False)), torch.arange(len(values)), None)
    _check_finite(rows.name, found.embedding)
    return found


def _check_finite(name: str, values: Tensor) -> None:
    bad = broken_rows(values).nonzero()[:, 0].tolist()
    if bad:
        shown = ", ".join(map(str, bad[:5])) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise ValueError(f"{name}: every value must be finite, got NaN or infinity in row {shown} (counted from 0)")


def _check_ids(name: str, ids: Tensor) -> None:
    twice = len(ids) - len(ids.unique())
    if twice:
        raise ValueError(f"{name}: ids must all be different, got {twice} repeated")
    if int(ids.min()) < 0 or int(ids.max()) >= 2**31:
        raise ValueError(f"{name}: ids must lie in 0..{2**31 - 1}, got {int(ids.min())}..{int(ids.max())}")


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name) or name != name.strip() or "-seed" in name:
        raise ValueError(
            f"{what} must be 1 to 60 letters, digits, spaces or any of _.+- , without '-seed', and start with a letter "
            f"or digit; got {name!r}"
        )


def _like(found: Table, rows: Rows, first: Rows, test: Table) -> Table:
    """The table itself, if it is as wide as the test embeddings."""
    width, known = found.embedding.shape[1], test.embedding.shape[1]
    if width != known:
        raise ValueError(f"{rows.name} has embeddings of length {width}, {first.name} of {known}; they must be alike")
    return found


def _order(found: Table, rows: Rows, first: Rows, test: Table, y: Tensor | None) -> Tensor:
    """Row of each test image in the table of a condition: by id where the files have ids."""
    n, known = len(found.embedding), len(test.embedding)
    if n != known:
        raise ValueError(f"{rows.name} has {n} rows, {first.name} has {known}; both must be of the same images")
    _check_ids(rows.name, found.ids)
    order, place = found.ids.argsort(), test.ids.argsort()
    if not torch.equal(found.ids[order], test.ids[place]):
        strange = sorted(set(found.ids.tolist()) - set(test.ids.tolist()))
        raise ValueError(f"{rows.name} must have the ids of {first.name}, got {strange[0]}, which is not among them")
    row_of = torch.empty_like(order)
    row_of[place] = order
    if y is not None and found.y is not None and not torch.equal(found.y[row_of], y):
        differ = int((found.y[row_of] != y).sum())
        raise ValueError(f"{rows.name} must have the classes of {first.name}, got others at {differ} of {known} images")
    return row_of


def _labels(parts: Parts, which: str, n: int, own: Tensor | None) -> Tensor | None:
    """Classes of the test images or the gallery: those of y_test or y_gallery, else those in the table."""
    rows = parts.get(f"y_{which}")
    if rows is None:
        values = own
    else:
        array = np.asarray(rows.values)
        if array.dtype.kind not in "iu" or array.size != n:
            raise ValueError(f"{rows.name}: classes must be {n} whole numbers, one per row, got {_shape(array)}")
        values = torch.from_numpy(array.reshape(-1).astype(np.int64))
    if values is not None and int(values.min()) < 0:
        name = parts[which].name if rows is None else rows.name
        raise ValueError(f"{name}: classes must be numbers from 0, got {int(values.min())}")
    return values


def _logits(parts: Parts, counts: Mapping[str, int], needed: tuple[str, ...]) -> dict[str, Tensor]:
    given = {which: parts[f"logits_{which}"] for which in counts if f"logits_{which}" in parts}
    if not given:
        return {}
    lacking = [which for which in needed if which not in given]
    if lacking:
        raise ValueError(
            f"logits_{lacking[0]} is missing next to {next(iter(given.values())).name}: logits are needed of "
            f"{', '.join(needed)}, or of none"
        )
    found, widths = {}, set()
    for which, rows in given.items():
        values = np.asarray(rows.values)
        if values.ndim != 2 or len(values) != counts[which] or values.shape[1] < 2 or values.dtype.kind not in "fiu":
            raise ValueError(
                f"{rows.name}: logits must have shape ({counts[which]}, classes >= 2), got {_shape(values)}"
            )
        found[which] = as_tensor(rows.name, values.astype(np.float32, copy=False))
        _check_finite(rows.name, found[which])
        widths.add(values.shape[1])
    if len(widths) > 1:
        raise ValueError(f"logits must all be of the same classes, got {' and '.join(map(str, sorted(widths)))}")
    return found


def _images(parts: Parts, counts: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Pictures as uint8 of shape (n, c, h, w)."""
    found = {}
    for which, n in counts.items():
        rows = parts.get(f"images_{which}")
        if rows is None:
            continue
        pixels = np.asarray(rows.values)
        if pixels.ndim == 3:
            pixels = pixels[:, None]
        elif pixels.ndim == 4 and pixels.shape[-1] in (1, 3) and pixels.shape[1] not in (1, 3):
            pixels = np.moveaxis(pixels, -1, 1)
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] not in (1, 3) or len(pixels) != n:
            raise ValueError(
                f"{rows.name}: pictures must be uint8 of shape ({n}, channels of 1 or 3, height, width), "
                f"got {_shape(np.asarray(rows.values))}"
            )
        found[which] = pixels
    if found and "test" not in found:
        raise ValueError(
            f"images_test is missing next to images_{next(iter(found))}: pictures start with the test images"
        )
    return found


def _shape(values: np.ndarray) -> str:
    return f"{values.dtype} of shape {values.shape}"
