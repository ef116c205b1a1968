"""What public functions take in the place of tensors: arrays, lists, other types of numbers.

Every function that takes images, labels or embeddings calls these first, so that all of them take and refuse the same.
"""

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tla.types import Shape

ROUNDING = 1e-5
"""How far pixels may lie outside the box by rounding; they are clamped."""

BLOCK = 2**16
"""Rows that are looked at, or widened to float64, at once: whole copies of a large gallery are as large as itself."""

HALVES = (torch.float16, torch.bfloat16)


def as_tensor(name: str, value: Any) -> Tensor:
    """A tensor without gradient, of anything that holds numbers.

    Args:
        name: Of the argument, for messages.
        value: A tensor, an array, or nested lists of numbers.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(value, Tensor):
        return value.detach() if value.requires_grad else value
    try:
        array = np.asarray(value)
        if array.dtype == object or array.dtype.kind not in "biuf":
            raise ValueError(f"numbers of {array.dtype}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an array that cannot be written to: nothing here writes
            return torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    except (ValueError, TypeError) as error:
        kind = type(value).__name__
        raise ValueError(f"{name} must be a tensor, an array or a list of numbers, got {kind} ({error})") from None


def as_images(
    name: str,
    value: Any,
    *,
    low: float = 0.0,
    high: float = 1.0,
    dtype: torch.dtype | None = None,
    keep: bool = False,
    bounded: bool = True,
) -> Tensor:
    """Images as floats in the box, shape (b, ...).

    Args:
        name: Of the argument.
        value: Floats in the box, or bytes, of which 255 stands for 1.
        low: Smallest pixel.
        high: Largest pixel.
        dtype: Of the result; by default float32 for halves and bytes, else as given.
        bounded: Refuse pixels outside the box.
        keep: Leave bytes as they are, for a caller that converts batch by batch.

    Raises:
        ValueError: for no images, integers other than bytes, pixels that are not finite, or pixels outside the box by
            more than rounding; names what came.
    """
    x = as_tensor(name, value)
    if x.ndim < 2 or len(x) == 0:
        raise ValueError(f"{name} must be a batch of at least one image, got shape {tuple(x.shape)}")
    if x.dtype == torch.uint8 and (low, high) == (0.0, 1.0):
        return x if keep else from_bytes(x, dtype)
    if not x.is_floating_point():
        raise ValueError(f"{name} must be floating-point images in [{low:g}, {high:g}] or bytes, got {x.dtype}")
    wanted = dtype or (torch.float32 if x.dtype in HALVES else x.dtype)
    x = x.to(wanted) if x.dtype != wanted else x
    least, most = (float(edge) for edge in x.aminmax())
    if low <= least and most <= high:
        return x
    if low - ROUNDING <= least and most <= high + ROUNDING:
        return x.clamp(low, high)
    if not bounded:
        return x
    bad = int((~torch.isfinite(x)).sum())
    got = f"{bad} values that are NaN or infinite" if bad else f"[{least:g}, {most:g}]"
    hint = "give images before normalisation (it belongs inside the model)"
    if least >= 0 and 2 < most <= 255:
        hint = "divide by 255, or give bytes"
    raise ValueError(f"{name} must lie in [{low:g}, {high:g}], got {got}; {hint}")


def from_bytes(x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Bytes as floats in 0..1, of type `dtype` (by default float32); floats as they are."""
    return x if x.dtype != torch.uint8 else (x.float() / 255).to(dtype or torch.float32)


def as_labels(name: str, value: Any, count: int | None = None) -> Tensor:
    """Whole numbers as int64, shape (n,).

    Args:
        name: Of the argument.
        value: Integers of any type.
        count: How many there must be; any number by default.

    Raises:
        ValueError: for numbers that are not integers, or another shape.
    """
    labels = as_tensor(name, value)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool or labels.ndim != 1:
        got = f"{labels.dtype} of shape {tuple(labels.shape)}"
        raise ValueError(f"{name} must be class indices: whole numbers of shape ({count or 'n'},), got {got}")
    if count is not None and len(labels) != count:
        raise ValueError(f"{name} must have one entry for each of {count} images, got {len(labels)}")
    return labels.long()


def as_floats(name: str, value: Any) -> Tensor:
    """Embeddings or logits as float32 (float64 stays), shape (n, d)."""
    x = as_tensor(name, value)
    if not x.is_floating_point() or x.ndim != 2:
        raise ValueError(f"{name} must be floats of shape (n, d), got {x.dtype} of {tuple(x.shape)}")
    return x.float() if x.dtype in HALVES else x


def as_shape(value: Any) -> Shape:
    """Channels, height and width from a `Shape`, a tuple or a list.

    Raises:
        ValueError: for anything but three whole numbers >= 1.
    """
    try:
        sizes = tuple(int(size) for size in value)
        whole = all(size == given and not isinstance(given, bool) for size, given in zip(sizes, value, strict=True))
    except (TypeError, ValueError):
        sizes, whole = (), False
    if len(sizes) != 3 or not whole or min(sizes) < 1:
        raise ValueError(f"shape must be (channels, height, width), whole numbers >= 1, got {value!r}")
    return Shape(*sizes)


def dtype_of(model: nn.Module) -> torch.dtype | None:
    """The type of numbers of a network's weights; None if it has none."""
    return next((weight.dtype for weight in model.parameters() if weight.is_floating_point()), None)


def broken_rows(values: Tensor) -> Tensor:
    """True for each row with NaN or infinity in it, shape (n,).

    Args:
        values: Shape (n, d).
    """
    found = torch.zeros(len(values), dtype=torch.bool, device=values.device)
    for start in range(0, len(values), BLOCK):
        found[start : start + BLOCK] = ~values[start : start + BLOCK].isfinite().all(1)
    return found


def check_finite(name: str, values: Tensor) -> None:
    """Reject rows with NaN or infinity.

    Args:
        name: Of the argument.
        values: Shape (n, d).

    Raises:
        ValueError: names the argument and says how many rows.
    """
    bad = int(broken_rows(values).sum())
    if bad:
        raise ValueError(f"{name} must be finite, got {bad} of {len(values)} rows with NaN or infinity")
