"""From arrays of images and labels to `Images`."""

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tla.data.loading.images import Images

ROUNDING = 1e-3
"""Floats nearer to a whole number of 1/255 than this are 8-bit pixels that were divided by 255."""


def images_from(
    x: Any, y: Any, *, classes: tuple[str, ...] | None = None, name: str = "images", split: str = "test"
) -> Images:
    """Images from arrays, as a torch or numpy user has them.

    Args:
        x: Pixels: uint8 in 0..255, or floats in 0..1, which are rounded to 8 bits (with a warning if that changes
            them). Shape (n, c, h, w), (n, h, w, c) or (n, h, w); c is 1 or 3.
        y: Class indices, shape (n,), any integer type.
        classes: Names of the classes; by default "0", "1", ... up to the largest label.
        name: Name of the data set.
        split: "train" or "test".

    Raises:
        ValueError: for other shapes, types or ranges; names what came.
    """
    pixels, labels = _pixels(_tensor(x, "x")), _labels(_tensor(y, "y"))
    if len(pixels) != len(labels):
        raise ValueError(f"x and y must have the same length, got {len(pixels)} images and {len(labels)} labels")
    names = classes or tuple(str(number) for number in range(max(2, int(labels.max()) + 1 if len(labels) else 2)))
    return Images(pixels, labels, tuple(map(str, names)), torch.arange(len(pixels)), name=name, split=split)


def _tensor(values: Any, name: str) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach().cpu()
    try:
        array = np.asarray(values)
        return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))))
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, got {type(values).__name__}") from None


def _pixels(x: Tensor) -> Tensor:
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or not len(x):
        raise ValueError(f"x must have shape (n, c, h, w), (n, h, w, c) or (n, h, w) with n >= 1, got {tuple(x.shape)}")
    if x.shape[1] not in (1, 3) and x.shape[3] in (1, 3):
        x = x.permute(0, 3, 1, 2)
    if x.shape[1] not in (1, 3):
        raise ValueError(f"x must have 1 or 3 channels, got shape {tuple(x.shape)}")
    if x.dtype == torch.uint8:
        return x.contiguous()
    if not x.is_floating_point():
        raise ValueError(
            f"x must be uint8 in 0..255 or floats in 0..1, got {x.dtype}; convert it with .astype('uint8')"
        )
    low, high = float(x.min()), float(x.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ValueError(
            f"x must be in 0..1 (before any normalisation, which the model states with mean and std), "
            f"got {low:g}..{high:g}"
        )
    scaled = x.float().clamp(0, 1) * 255
    rounded = scaled.round()
    if float((scaled - rounded).abs().max()) > ROUNDING:
        warnings.warn("x has values between the 256 levels of a pixel: they were rounded to 8 bits", stacklevel=3)
    return rounded.to(torch.uint8).contiguous()


def _labels(y: Tensor) -> Tensor:
    if y.ndim != 1:
        raise ValueError(f"y must have shape (n,), got {tuple(y.shape)}")
    whole = y.long()
    if y.dtype == torch.bool or not torch.equal(whole.to(y.dtype), y):
        raise ValueError(f"y must be whole numbers, the class indices, got {y.dtype}")
    if len(whole) and int(whole.min()) < 0:
        raise ValueError(f"y must be class indices >= 0, got {int(whole.min())}")
    return whole
