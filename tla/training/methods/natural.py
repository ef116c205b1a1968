"""Natural training, without an attack."""

from dataclasses import dataclass

from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Requirements, Terms
from tla.training.step_context import StepContext


@METHODS.register("natural")
@dataclass(frozen=True, kw_only=True)
class Natural(Method):
    """Cross-entropy on clean images: the undefended model, selected by clean accuracy."""

    def requirements(self) -> Requirements:
        """No attack; robust accuracy is near zero and cannot rank epochs."""
        return Requirements(robust=False, attacked=False)

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE(f(x), y)."""
        outputs = context.forward(batch, natural=batch.x)
        loss = context.cross_entropy(Views(batch.y, clean=outputs.natural))
        return Terms(loss, loss)
