"""What a method works with in one step: attack, forward passes, draws of images, cross-entropy."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tla.attacks.base import Attack
from tla.attacks.goals import Goal, Untargeted
from tla.attacks.search.loop import with_pursuit
from tla.losses import Views
from tla.losses.cross_entropy import CrossEntropy
from tla.seeding import generator
from tla.threat import Threat
from tla.training.bank import Bank
from tla.training.batches import Batch, Fresh, Pool
from tla.training.config import TrainConfig
from tla.training.engine import Engine
from tla.types import Outputs


class Seen(NamedTuple):
    """Outputs of one training forward pass, per kind of image; None where there was none."""

    adversarial: Outputs | None
    natural: Outputs | None


class Table(NamedTuple):
    """Outputs of adversarial images, and the embeddings of them (first) and of their guests, shape (n, d)."""

    adversarial: Outputs
    embeddings: Float[Tensor, "n d"]


class Distinct(NamedTuple):
    """Positions without repetition, shape (u,), and the place of each old one among them, shape (b,)."""

    rows: Int[Tensor, " u"]
    back: Int[Tensor, " b"]


class StepContext:
    """The tools of one training run.

    Args:
        engine: Device and precision.
        module: The network itself, for attacks and for embeddings without a gradient (compiled, but not wrapped).
        wrapped: The same network as the engine calls it in training; only ever called.
        pool: Training images.
        config: Attack, smoothing, batch norm.
        seed: The run's seed.
    """

    def __init__(
        self,
        engine: Engine,
        module: nn.Module,
        wrapped: Callable[[Tensor], Any],
        pool: Pool,
        config: TrainConfig,
        seed: int,
    ) -> None:
        self.engine, self.module, self.wrapped, self.pool, self.config = engine, module, wrapped, pool, config
        self.seed = seed
        self.bank: Bank | None = None
        self.norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
        self.smoothed = CrossEntropy(smoothing=config.label_smoothing)
        self.strategy: Attack = config.attack
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Fresh random numbers for an epoch, and its attack."""
        late = epoch >= self.config.epochs - self.config.strong_epochs
        self.strategy = self.config.strong if late else self.config.attack
        where = {"device": self.engine.device}
        self.augmenting = generator(self.seed, "augment", epoch, self.engine.rank, **where)
        self.attacking = generator(self.seed, "attack", epoch, self.engine.rank, **where)
        self.mining = generator(self.seed, "mining", epoch, self.engine.rank, **where)
        self.progress = epoch / self.config.epochs
        self.radius = self.config.eps

    @property
    def threat(self) -> Threat:
        """The ball of this step."""
        return Threat(self.config.norm, self.radius)

    def attack(self, batch: Batch, goal: Goal | None = None, attack: Attack | None = None) -> Float[Tensor, "b c h w"]:
        """Adversarial images of a batch, found in evaluation mode.

        Args:
            batch: The images.
            goal: What to climb; by default the cross-entropy of the true class.
            attack: How; by default the run's attack.
        """
        search = with_pursuit(attack or self.strategy, "last_step")
        goal = goal or Untargeted(batch.y)
        with self.engine.autocast():
            found = search(self.module, batch.x, goal, self.threat, generator=self.attacking)
        return found.adversarial.to(memory_format=self.pool.format)

    def look(self, x: Float[Tensor, "n c h w"]) -> Outputs:
        """Outputs in evaluation mode, without a gradient."""
        self.module.eval()
        with torch.no_grad(), self.engine.autocast():
            outputs = self.module(x)
        return Outputs(outputs.logits.float(), outputs.embedding.float())

    def trial(self, x: Float[Tensor, "n c h w"]) -> Outputs:
        """Outputs in training mode with a gradient, on the unwrapped network; batch norm does not remember them."""
        self.module.train()
        with self._still(True), self.engine.autocast():
            return self.module(x)

    def forward(self, batch: Batch, adversarial: Tensor | None = None, natural: Tensor | None = None) -> Seen:
        """One training forward pass of adversarial and natural images.

        Without batch norm, or with its statistics over both, they go together; else the kind that
        `config.batch_norm` does not name leaves the running statistics as they are.

        Args:
            batch: The images of this step (for the statistics of clean images, should no natural ones be given).
            adversarial: Images under attack, or None.
            natural: Natural images, or None.
        """
        self.module.train()
        together = not self.norms or self.config.batch_norm == "both"
        if adversarial is None or natural is None:
            return self._alone(batch, adversarial, natural)
        if together:
            outputs = self.wrapped(torch.cat((adversarial, natural)))
            cut = len(adversarial)
            return Seen(Outputs(*(o[:cut] for o in outputs)), Outputs(*(o[cut:] for o in outputs)))
        with self._still(self.config.batch_norm == "clean"):
            first = self.wrapped(adversarial)
        with self._still(self.config.batch_norm == "adversarial"):
            second = self.wrapped(natural)
        return Seen(first, second)

    def table(self, batch: Batch, adversarial: Tensor, guests: list[Tensor]) -> "Table":
        """One training forward pass of adversarial images and their guests, as one table of embeddings."""
        seen = self.forward(batch, adversarial, torch.cat(guests).to(memory_format=self.pool.format))
        if seen.adversarial is None or seen.natural is None:
            raise RuntimeError("a forward pass gave no outputs")
        return Table(seen.adversarial, torch.cat((seen.adversarial.embedding, seen.natural.embedding)))

    def distinct(self, rows: Int[Tensor, " b"]) -> "Distinct":
        """Each position once, and where to find it: spares forward passes of images that were chosen twice.

        On a GPU (where counting would wait for the device) and with batch norm (whose statistics would change)
        positions stay as they are.
        """
        if rows.device.type == "cpu" and not self.norms and self.engine.world == 1:
            return Distinct(*torch.unique(rows, return_inverse=True))
        return Distinct(rows, torch.arange(len(rows), device=rows.device))

    def draw(self, rows: Tensor) -> Fresh:
        """Training images by position, augmented anew."""
        return Fresh(self.pool.view(rows, self.augmenting), self.pool.labels[rows])

    def cross_entropy(self, views: Views) -> Float[Tensor, ""]:
        """Smoothed cross-entropy over all images of the views."""
        return self.smoothed(views).loss

    def _alone(self, batch: Batch, adversarial: Tensor | None, natural: Tensor | None) -> Seen:
        if adversarial is None:
            return Seen(None, None if natural is None else self.wrapped(natural))
        if not self.norms or self.config.batch_norm != "clean":
            return Seen(self.wrapped(adversarial), None)
        with torch.no_grad(), self.engine.autocast():
            self.module(batch.x)
        with self._still(True):
            return Seen(self.wrapped(adversarial), None)

    @contextlib.contextmanager
    def _still(self, still: bool) -> Iterator[None]:
        """Batch norm uses the batch's statistics but does not remember them."""
        momenta = [norm.momentum for norm in self.norms]
        if still:
            for norm in self.norms:
                norm.momentum = 0.0
        try:
            yield
        finally:
            for norm, momentum in zip(self.norms, momenta, strict=True):
                norm.momentum = momentum
