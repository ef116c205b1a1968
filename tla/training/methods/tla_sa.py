"""Triplet loss adversarial training with switched anchor."""

from dataclasses import dataclass
from typing import ClassVar

from tla.losses.mining.selection import Choice, nearest_other
from tla.training.batches import Batch
from tla.training.methods.base import METHODS
from tla.training.step_context import StepContext
from tla.training.triplet_method import Keys, LazyEmbeddings, TripletMethod


@METHODS.register("tla-sa")
@dataclass(frozen=True, kw_only=True)
class TLASA(TripletMethod):
    """Anchor h(x), positive h(x'), negative the key of another class nearest to h(x')."""

    swapped: ClassVar[bool] = True

    def negatives(self, batch: Batch, queries: LazyEmbeddings, keys: Keys, context: StepContext) -> Choice:
        """The key of another class nearest to h(x')."""
        return nearest_other(queries(), batch.y, keys.embeddings(), keys.y, self.distance)
