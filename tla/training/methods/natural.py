"""No attack at all."""

from dataclasses import dataclass

from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Requirements, Terms
from tla.training.step_context import StepContext


@METHODS.register("natural")
@dataclass(frozen=True, kw_only=True)
class Natural(Method):
    """Cross-entropy on clean images: the undefended model, selected by its clean accuracy."""

    def requirements(self) -> Requirements:
        """Nothing; robust accuracy near zero selects nothing."""
        return Requirements(robust=False)

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE(f(x), y)."""
        seen = context.forward(batch, natural=batch.x)
        loss = context.cross_entropy(Views(batch.y, clean=seen.natural))
        return Terms(loss, loss)
