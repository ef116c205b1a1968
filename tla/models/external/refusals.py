"""Why a network refuses images or classes, and which option mends it."""

import torch
from torch import Tensor, nn

from tla.models.external.answers import Answer, name_of
from tla.models.network.mode import evaluating

SIDES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 227, 16, 8, 48, 160, 192, 240, 336, 448, 512)
"""Sizes that are tried when a network refuses one."""


def size_refusal(module: nn.Module, x: Tensor, error: Exception) -> str:
    """One sentence on why images are refused: with other channels or another size the network may take them.

    Args:
        module: The network.
        x: The images that it refused, shape (b, ...).
        error: What it raised.
    """
    why = " ".join(str(error).split())[:200] or "no reason given"
    what = f"{name_of(module)} does not accept images of shape {tuple(x.shape[1:])}: {type(error).__name__}: {why}"
    if x.ndim != 4:
        return what
    other = 4 - x.shape[1] if x.shape[1] in (1, 3) else None
    for channels in (x.shape[1], other):
        for side in (None, *SIDES):
            size = tuple(x.shape[2:]) if side is None else (side, side)
            if channels is None or (channels, *size) == tuple(x.shape[1:]):
                continue
            if _accepts(module, x.new_zeros(2, channels, *size)):
                return f"{what}; {_options(channels if channels != x.shape[1] else None, side)}"
    return what


def classes_refusal(module: nn.Module, answer: Answer, expected: int) -> str:
    """One sentence on why a network with another number of classes is refused."""
    beside = answer.embedding
    found = 2 if answer.logits.ndim == 1 or answer.logits.shape[1] == 1 else answer.logits.shape[1]
    one = " (it returns one logit)" if found == 2 and answer.logits.shape[-1:] != (2,) else ""
    what = f"{name_of(module)} has {found} classes{one}, the data has {expected}"
    if beside is not None and beside.shape[1] == expected:
        return f"{what}, which is the width of its second output: return (logits, embedding), in this order"
    if found > expected:
        return f"{what}; if {expected} of its logits are the data's classes, set order to their positions (--order)"
    return what


def _options(channels: int | None, side: int | None) -> str:
    words = [] if channels is None else [f"channels = {channels} (--channels {channels})"]
    words += [] if side is None else [f"resize = {side} (--resize {side})"]
    return f"set {' and '.join(words)}"


def _accepts(module: nn.Module, x: Tensor) -> bool:
    try:
        with evaluating(module), torch.no_grad():
            module(x)
    except Exception:  # whatever a foreign network raises
        return False
    return True
