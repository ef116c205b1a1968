"""TRADES: accuracy on clean images, smoothness around them."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from tla.attacks.goals import Goal
from tla.losses import Views
from tla.losses.trades import Divergence
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms, at_least_zero
from tla.training.step_context import StepContext
from tla.types import Outputs


class DivergenceGoal(Goal):
    """Maximise KL(p(x) || p(z)): move away from the prediction on the clean image.

    Args:
        reference: Log-probabilities of the clean images, shape (b, k), without a gradient.
    """

    def __init__(self, reference: Float[Tensor, "b k"]) -> None:
        self.reference = reference

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.reference)

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """The divergence, per example, >= 0."""
        logs = outputs.logits.float().log_softmax(1)
        return functional.kl_div(logs, self.reference, reduction="none", log_target=True).sum(1)

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the prediction changed."""
        return outputs.logits.argmax(1) != self.reference.argmax(1)

    def select(self, rows: Int[Tensor, " r"] | Bool[Tensor, " b"]) -> "DivergenceGoal":
        """The same goal for some rows."""
        return DivergenceGoal(self.reference[rows])


@METHODS.register("trades")
@dataclass(frozen=True, kw_only=True)
class Trades(Method):
    """Clean cross-entropy + beta * KL(p(x) || p(x')), x' maximising the same divergence (Zhang et al. 2019).

    Args:
        beta: Weight of the divergence, >= 0; the published tables use 6.
    """

    beta: float = 6.0

    def __post_init__(self) -> None:
        at_least_zero(self, "beta")

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE(f(x), y) + beta * KL."""
        goal = DivergenceGoal(context.evaluate(batch.x).logits.log_softmax(1))
        outputs = context.forward(batch, adversarial=context.attack(batch, goal), natural=batch.x)
        cross_entropy = context.cross_entropy(Views(batch.y, clean=outputs.natural))
        views = Views(batch.y, clean=outputs.natural, adversarial=outputs.adversarial)
        return Terms(cross_entropy + self.beta * Divergence()(views).loss, cross_entropy)
