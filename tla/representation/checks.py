"""Input checks that all measures share."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.tensors import check_finite


def check_embeddings(name: str, embedding: Tensor, like: tuple[str, Tensor] | None = None) -> None:
    """Reject anything but finite rows of floats, as long as another embedding's.

    Raises:
        ValueError: names the argument and what is wrong with it.
    """
    if not isinstance(embedding, Tensor):
        raise ValueError(f"{name} must be a tensor, got {type(embedding).__name__}; torch.as_tensor makes one")
    if embedding.ndim != 2 or not embedding.is_floating_point():
        raise ValueError(f"{name} must be floats of shape (n, d), got {embedding.dtype} of {tuple(embedding.shape)}")
    if like is not None and embedding.shape[1] != like[1].shape[1]:
        lengths = f"{embedding.shape[1]} and {like[1].shape[1]}"
        raise ValueError(f"{name} and {like[0]} must come from one layer of one model, got lengths {lengths}")
    check_finite(name, embedding)


def check_labels(name: str, labels: Tensor, n: int, classes: int | None = None) -> None:
    """Reject labels that are not whole numbers in 0..classes-1, one for each of n rows.

    Raises:
        ValueError: names the argument and what is wrong with it.
    """
    if not isinstance(labels, Tensor):
        raise ValueError(f"{name} must be a tensor, got {type(labels).__name__}; torch.as_tensor makes one")
    if labels.shape != (n,) or labels.is_floating_point() or labels.dtype == torch.bool:
        got = f"{labels.dtype} of shape {tuple(labels.shape)}"
        raise ValueError(f"{name} must be whole numbers of shape ({n},), one per embedding, got {got}")
    low, high = (int(labels.min()), int(labels.max())) if n else (0, 0)
    if low < 0 or (classes is not None and high >= classes):
        allowed = "0 and above" if classes is None else f"0..{classes - 1}"
        raise ValueError(f"{name} must lie in {allowed}, got {low}..{high}")


def check_logits(logits: Tensor, n: int) -> None:
    """Reject logits that are not finite, have fewer than two classes, or are not one row per embedding.

    Raises:
        ValueError: names what is wrong.
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        got = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"logits must be a tensor of floats, got {got}")
    if logits.ndim != 2 or len(logits) != n or logits.shape[1] < 2:
        raise ValueError(f"logits must have shape ({n}, classes >= 2), got {tuple(logits.shape)}")
    check_finite("logits", logits)


def positions(ids: Int[Tensor, " n"] | None, like: Float[Tensor, "n d"]) -> Int[Tensor, " n"]:
    """Ids as given, or 0..n-1."""
    return torch.arange(len(like)) if ids is None else ids
