"""What goals refuse: labels, surrogates and embeddings that do not fit the model."""

from torch import Tensor

from tla.attacks.goals.base import SURROGATES
from tla.types import Outputs


def check_surrogate(surrogate: str) -> None:
    """Refuse an unknown surrogate."""
    if surrogate not in SURROGATES:
        raise ValueError(f"surrogate must be one of {', '.join(SURROGATES)}, got {surrogate!r}")


def check_classes(logits: Tensor, labels: Tensor, name: str) -> None:
    """Refuse labels that the model has no class for."""
    low, high = labels.aminmax()
    if int(low) < 0 or int(high) >= logits.shape[1]:
        raise ValueError(
            f"{name} must lie in 0..{logits.shape[1] - 1} (the model has {logits.shape[1]} classes), "
            f"got {int(low)}..{int(high)}"
        )


def check_dlr(logits: Tensor, surrogate: str, least: int) -> None:
    """Refuse the DLR surrogate where there are too few classes for its denominator."""
    if surrogate == "dlr" and logits.shape[1] < least:
        raise ValueError(f"dlr needs at least {least} classes, the model has {logits.shape[1]}; use 'margin'")


def check_width(outputs: Outputs, embedding: Tensor) -> None:
    """Refuse embeddings whose dimension is not the model's."""
    if outputs.embedding.shape[1] != embedding.shape[1]:
        raise ValueError(
            f"embedding has {embedding.shape[1]} values per example, the model's has {outputs.embedding.shape[1]}"
        )
