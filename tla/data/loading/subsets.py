"""Some of the images, drawn class by class with a seed."""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from tla.data.loading.images import Images
from tla.seeding import generator


class Halves(NamedTuple):
    """Images parted in two; nothing is lost, nothing is in both."""

    kept: Images
    held_out: Images


def holdout(images: Images, count: int, seed: int) -> Halves:
    """Keep `count` images aside, every class in proportion; both parts keep the order of the images.

    Args:
        images: Images of any number of classes.
        count: How many to keep aside, 0 <= count <= len(images).
        seed: Seed of the draw, >= 0.

    Raises:
        ValueError: for a count out of range.
    """
    if not 0 <= count <= len(images):
        raise ValueError(f"count must lie between 0 and the {len(images)} images, got {count}")
    mixed = _mixed(images.labels, seed)
    # image p of a class of m stands at (p + 1/2) / m of its class: the first `count` over all classes are in proportion
    share = (mixed.place + 0.5) / mixed.size
    return _parted(images, mixed.rows[share.sort(stable=True).indices[:count]])


def part_classes(images: Images, share: float, seed: int) -> Halves:
    """Keep a share of every class aside, at least one image of each, and leave at least one of each.

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
                f"class {name!r} must have two images or more, one to keep aside and one to leave, got {count}"
            )
    mixed = _mixed(images.labels, seed)
    wanted = torch.minimum((share * mixed.size).round().clamp_min(1), mixed.size - 1)
    return _parted(images, mixed.rows[mixed.place < wanted])


def per_class(images: Images, k: int, seed: int = 0) -> Images:
    """k images of every class (all of them where a class has fewer), in the order of the images.

    Args:
        images: Images.
        k: How many of each class, >= 1.
        seed: Seed of the draw, >= 0.

    Raises:
        ValueError: for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")
    mixed = _mixed(images.labels, seed)
    return images.subset(mixed.rows[mixed.place < k].sort().values)


def _parted(images: Images, rows: Int[Tensor, " m"]) -> Halves:
    held_out = torch.zeros(len(images), dtype=torch.bool)
    held_out[rows] = True
    return Halves(images.subset((~held_out).nonzero()[:, 0]), images.subset(held_out.nonzero()[:, 0]))


class _Mixed(NamedTuple):
    """Positions in random order; for each, which of its class it is (counted from 0), and how many the class has."""

    rows: Int[Tensor, " n"]
    place: Int[Tensor, " n"]
    size: Int[Tensor, " n"]


def _mixed(labels: Int[Tensor, " n"], seed: int) -> _Mixed:
    labels = labels.cpu()
    order = torch.randperm(len(labels), generator=generator(seed, "choose"))
    rows = order[labels[order].argsort(stable=True)]
    counts = torch.bincount(labels)
    starts = counts.cumsum(0) - counts
    return _Mixed(rows, torch.arange(len(labels)) - starts[labels[rows]], counts[labels[rows]])
