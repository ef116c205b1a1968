"""A memory of recent embeddings."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Bank:
    """The last `size` embeddings and their classes, in a ring; empty places have class -1.

    Args:
        size: Number of places, >= 1.
        width: Length of an embedding.
        device: Where to keep them.
    """

    def __init__(self, size: int, width: int, device: torch.device) -> None:
        self.embeddings = torch.zeros(size, width, device=device)
        self.labels = torch.full((size,), -1, dtype=torch.int64, device=device)
        self.next = 0

    def put(self, embeddings: Float[Tensor, "b d"], y: Int[Tensor, " b"]) -> None:
        """Write over the oldest places; of more than `size` embeddings the last ones stay."""
        kept = embeddings.detach().float()[-len(self.labels) :]
        places = (torch.arange(len(kept), device=kept.device) + self.next) % len(self.labels)
        self.embeddings.index_copy_(0, places, kept)
        self.labels.index_copy_(0, places, y[-len(kept) :])
        self.next = (self.next + len(kept)) % len(self.labels)

    def state(self) -> dict[str, Any]:
        """Everything there is to remember."""
        return {"embeddings": self.embeddings, "labels": self.labels, "next": self.next}

    def restore(self, state: dict[str, Any]) -> None:
        """Put a remembered state back."""
        self.embeddings.copy_(state["embeddings"])
        self.labels.copy_(state["labels"])
        self.next = int(state["next"])
