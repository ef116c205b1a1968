"""No attack at all."""

from dataclasses import dataclass

from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms, Wants
from tla.training.toolbox import Toolbox


@METHODS.register("natural")
@dataclass(frozen=True, kw_only=True)
class Natural(Method):
    """Cross-entropy on clean images: the undefended model, selected by its clean accuracy."""

    def wants(self) -> Wants:
        """Nothing; robust accuracy near zero selects nothing."""
        return Wants(robust=False)

    def __call__(self, batch: Batch, tools: Toolbox) -> Terms:
        """CE(f(x), y)."""
        seen = tools.forward(batch, natural=batch.x)
        loss = tools.cross_entropy(Views(batch.y, clean=seen.natural))
        return Terms(loss, loss)
