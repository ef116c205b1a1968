"""Triplet loss adversarial training."""

from dataclasses import dataclass

from tla.losses.mining.selection import Choice, nearest_other
from tla.training.batches import Batch
from tla.training.methods.base import METHODS
from tla.training.step_context import StepContext
from tla.training.triplet_method import Keys, LazyEmbeddings, TripletMethod


@METHODS.register("tla")
@dataclass(frozen=True, kw_only=True)
class TLA(TripletMethod):
    """Anchor h(x'), positive of its class, negative the nearest key of another class (Mao et al. 2019)."""

    def negatives(self, batch: Batch, queries: LazyEmbeddings, keys: Keys, context: StepContext) -> Choice:
        """The key of another class nearest to h(x')."""
        return nearest_other(queries(), batch.y, keys.embeddings(), keys.y, self.distance)
