"""Triplet loss adversarial training with switched anchor."""

from dataclasses import dataclass
from typing import ClassVar

from tla.losses.mining import Choice, nearest_other
from tla.training.batches import Batch
from tla.training.methods.base import METHODS
from tla.training.methods.triplets import Keys, Queries, TripletMethod
from tla.training.toolbox import Toolbox


@METHODS.register("tla-sa")
@dataclass(frozen=True, kw_only=True)
class TLASA(TripletMethod):
    """Anchor h(x), positive h(x'), negative still the key of another class nearest to h(x')."""

    swapped: ClassVar[bool] = True

    def negatives(self, batch: Batch, queries: Queries, keys: Keys, tools: Toolbox) -> Choice:
        """The key of another class nearest to h(x')."""
        return nearest_other(queries(), batch.y, keys.embeddings(), keys.y, self.distance)
