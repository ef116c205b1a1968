"""Triplet loss adversarial training with random negatives."""

from dataclasses import dataclass

from tla.losses.mining.selection import Choice, other_class, random_key
from tla.training.batches import Batch
from tla.training.methods.base import METHODS
from tla.training.step_context import StepContext
from tla.training.triplet_method import Keys, LazyEmbeddings, TripletMethod


@METHODS.register("tla-rn")
@dataclass(frozen=True, kw_only=True)
class TLARN(TripletMethod):
    """As TLA, but the negative is drawn at random.

    Args:
        filtered: Draw negatives of another class only (the poster); false draws any key (the public code).
    """

    filtered: bool = True

    def negatives(self, batch: Batch, queries: LazyEmbeddings, keys: Keys, context: StepContext) -> Choice:
        """Any key of another class, or any key."""
        allowed = other_class(batch.y, keys.y)
        if not self.filtered:
            allowed = (keys.y >= 0).expand(len(batch.y), -1)
        return random_key(allowed, context.mining)
