"""One-step adversarial training."""

from dataclasses import dataclass

from tla.attacks.pgd import PGD
from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Requirements, Terms
from tla.training.step_context import StepContext


@METHODS.register("fast")
@dataclass(frozen=True, kw_only=True)
class Fast(Method):
    """Cross-entropy on FGSM images from a random start (Wong et al. 2020); the run's `attack` is not used.

    Args:
        stride: Step size in units of eps, > 0.
    """

    stride: float = 1.25

    def __post_init__(self) -> None:
        if not self.stride > 0:
            raise ValueError(f"stride must be > 0, got {self.stride}")

    def requirements(self) -> Requirements:
        """It is watched, as all one-step training is."""
        return Requirements(one_step=True)

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE(f(x'), y)."""
        step = PGD(steps=1, step_size=self.stride * context.radius, pursuit="last_step")
        outputs = context.forward(batch, adversarial=context.attack(batch, attack=step))
        loss = context.cross_entropy(Views(batch.y, adversarial=outputs.adversarial))
        return Terms(loss, loss)
