"""Subsets of images, drawn per class with a seed."""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from tla.data.loading.images import Images
from tla.seeding import generator


class Halves(NamedTuple):
    """Images split in two: each is in one half."""

    kept: Images
    held_out: Images


def holdout(images: Images, count: int, seed: int) -> Halves:
    """Hold out `count` images, stratified by class; both halves keep the order of the images.

    Args:
        images: Images of any number of classes.
        count: How many to hold out, 0 <= count <= len(images).
        seed: Seed of the draw, >= 0.

    Raises:
        ValueError: for a count out of range.
    """
    if not 0 <= count <= len(images):
        raise ValueError(f"count must be between 0 and the {len(images)} images, got {count}")
    shuffled = _shuffle(images.labels, seed)
    # image p of a class of m gets the rank (p + 1/2) / m: the first `count` over all classes are in proportion
    share = (shuffled.place + 0.5) / shuffled.size
    return _split(images, shuffled.rows[share.sort(stable=True).indices[:count]])


def holdout_per_class(images: Images, share: float, seed: int) -> Halves:
    """Hold out a share of every class; at least one image of each is held out, and at least one remains.

    Args:
        images: Images, two or more of every class.
        share: In (0, 1).
        seed: Seed of the draw, >= 0.

    Raises:
        ValueError: for a class with fewer than two images; names it.
    """
    counts = torch.bincount(images.labels, minlength=len(images.classes))
    for name, count in zip(images.classes, counts.tolist(), strict=True):
        if count < 2:
            raise ValueError(
                f"class {name!r} must have at least two images, one to hold out and one to train on, got {count}"
            )
    shuffled = _shuffle(images.labels, seed)
    count = torch.minimum((share * shuffled.size).round().clamp_min(1), shuffled.size - 1)
    return _split(images, shuffled.rows[shuffled.place < count])


def per_class(images: Images, k: int, seed: int = 0) -> Images:
    """k images of every class (all of them if a class has fewer), in the order of the images.

    Args:
        images: Images.
        k: How many of each class, >= 1.
        seed: Seed of the draw, >= 0.

    Raises:
        ValueError: for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")
    shuffled = _shuffle(images.labels, seed)
    return images.subset(shuffled.rows[shuffled.place < k].sort().values)


def _split(images: Images, rows: Int[Tensor, " m"]) -> Halves:
    held_out = torch.zeros(len(images), dtype=torch.bool)
    held_out[rows] = True
    return Halves(images.subset((~held_out).nonzero()[:, 0]), images.subset(held_out.nonzero()[:, 0]))


class _Shuffled(NamedTuple):
    """Positions in random order; for each, its index within its class (from 0), and the size of the class."""

    rows: Int[Tensor, " n"]
    place: Int[Tensor, " n"]
    size: Int[Tensor, " n"]


def _shuffle(labels: Int[Tensor, " n"], seed: int) -> _Shuffled:
    labels = labels.cpu()
    order = torch.randperm(len(labels), generator=generator(seed, "choose"))
    rows = order[labels[order].argsort(stable=True)]
    counts = torch.bincount(labels)
    starts = counts.cumsum(0) - counts
    return _Shuffled(rows, torch.arange(len(labels)) - starts[labels[rows]], counts[labels[rows]])
