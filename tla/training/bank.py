"""A memory bank of recent embeddings."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Bank:
    """A ring buffer of the last `size` embeddings and their classes; empty places have class -1.

    Args:
        size: Capacity, >= 1.
        width: Length of an embedding.
        device: Where to keep them.
    """

    def __init__(self, size: int, width: int, device: torch.device) -> None:
        self.embeddings = torch.zeros(size, width, device=device)
        self.labels = torch.full((size,), -1, dtype=torch.int64, device=device)
        self.next = 0

    def put(self, embeddings: Float[Tensor, "b d"], y: Int[Tensor, " b"]) -> None:
        """Overwrite the oldest places; of more than `size` embeddings only the last are stored."""
        stored = embeddings.detach().float()[-len(self.labels) :]
        places = (torch.arange(len(stored), device=stored.device) + self.next) % len(self.labels)
        self.embeddings.index_copy_(0, places, stored)
        self.labels.index_copy_(0, places, y[-len(stored) :])
        self.next = (self.next + len(stored)) % len(self.labels)

    def state(self) -> dict[str, Any]:
        """The contents, for a checkpoint."""
        return {"embeddings": self.embeddings, "labels": self.labels, "next": self.next}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the contents from a checkpoint."""
        self.embeddings.copy_(state["embeddings"])
        self.labels.copy_(state["labels"])
        self.next = int(state["next"])
