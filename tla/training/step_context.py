"""What a method works with in one step: the attack, forward passes, further images, cross-entropy."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tla.attacks.base import Attack
from tla.attacks.goals import Goal, Untargeted
from tla.attacks.search.loop import with_pursuit
from tla.attacks.search.step_size import at_radius
from tla.losses import Views
from tla.losses.cross_entropy import CrossEntropy
from tla.models.network.calling import on_copy
from tla.seeding import generator
from tla.threat import Threat
from tla.training.bank import Bank
from tla.training.batches import Batch, LabelledImages, Pool
from tla.training.config import TrainConfig
from tla.training.engine import Engine
from tla.types import Outputs


class StepOutputs(NamedTuple):
    """Outputs of one training forward pass by kind of image; None where there were none."""

    adversarial: Outputs | None
    natural: Outputs | None


class JointOutputs(NamedTuple):
    """Outputs of one forward pass of both kinds of image, and all its embeddings, adversarial first, shape (n, d)."""

    adversarial: Outputs
    natural: Outputs
    embeddings: Float[Tensor, "n d"]


class Distinct(NamedTuple):
    """Unique positions, shape (u,), and where each original one is among them, shape (b,)."""

    rows: Int[Tensor, " u"]
    inverse: Int[Tensor, " b"]


class StepContext:
    """The attack, forward passes and random numbers of one training run.

    Args:
        engine: Device and precision.
        module: The network itself, for attacks and evaluation (compiled, but not wrapped).
        wrapped: The same network as the engine runs it in training; only ever called.
        pool: Training images.
        config: Attack, label smoothing, batch norm.
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
        self.engine, self.module, self.pool, self.config = engine, module, pool, config
        self.wrapped = partial(on_copy, wrapped)
        self.seed = seed
        self.bank: Bank | None = None
        self.norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
        self.smoothed = CrossEntropy(smoothing=config.label_smoothing)
        self.default_attack: Attack = config.attack
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Reset the random numbers and choose the attack for an epoch."""
        late = epoch >= self.config.epochs - self.config.strong_epochs
        self.default_attack = at_radius(self.config.strong if late else self.config.attack, self.config.eps)
        where = {"device": self.engine.device}
        self.augmenting = generator(self.seed, "augment", epoch, self.engine.rank, **where)
        self.attacking = generator(self.seed, "attack", epoch, self.engine.rank, **where)
        self.mining = generator(self.seed, "mining", epoch, self.engine.rank, **where)
        self.progress = epoch / self.config.epochs
        self.radius = self.config.eps

    @property
    def threat(self) -> Threat:
        """The threat of this step."""
        return Threat(self.config.norm, self.radius)

    def attack(self, batch: Batch, goal: Goal | None = None, attack: Attack | None = None) -> Float[Tensor, "b c h w"]:
        """Adversarial images of a batch, found in evaluation mode.

        Args:
            batch: The images.
            goal: What to maximise; by default the cross-entropy of the true class.
            attack: By default the run's attack.
        """
        search = with_pursuit(attack or self.default_attack, "last_step")
        goal = goal or Untargeted(batch.y)
        with self.engine.autocast():
            found = search(self.module, batch.x, goal, self.threat, generator=self.attacking)
        return found.adversarial.to(memory_format=self.pool.format)

    def evaluate(self, x: Float[Tensor, "n c h w"]) -> Outputs:
        """Outputs in evaluation mode, without a gradient."""
        self.module.eval()
        with torch.no_grad(), self.engine.autocast():
            outputs = on_copy(self.module, x)
        return Outputs(outputs.logits.float(), outputs.embedding.float())

    def probe(self, x: Float[Tensor, "n c h w"]) -> Outputs:
        """Outputs of the unwrapped network in training mode, with a gradient; running statistics stay as they are."""
        self.module.train()
        with self._frozen_statistics(True), self.engine.autocast():
            return on_copy(self.module, x)

    def forward(self, batch: Batch, adversarial: Tensor | None = None, natural: Tensor | None = None) -> StepOutputs:
        """One training forward pass of adversarial and natural images.

        Without batch norm, or if its statistics are over both, they form one batch; otherwise the kind that
        `config.batch_norm` does not name leaves the running statistics unchanged.

        Args:
            batch: The images of this step (for the statistics of clean images where `natural` is None).
            adversarial: Images under attack, or None.
            natural: Natural images, or None.
        """
        self.module.train()
        together = not self.norms or self.config.batch_norm == "both"
        if adversarial is None or natural is None:
            return self._forward_one_kind(batch, adversarial, natural)
        if together:
            outputs = self.wrapped(torch.cat((adversarial, natural)))
            cut = len(adversarial)
            return StepOutputs(Outputs(*(o[:cut] for o in outputs)), Outputs(*(o[cut:] for o in outputs)))
        with self._frozen_statistics(self.config.batch_norm == "clean"):
            first = self.wrapped(adversarial)
        with self._frozen_statistics(self.config.batch_norm == "adversarial"):
            second = self.wrapped(natural)
        return StepOutputs(first, second)

    def forward_joint(self, batch: Batch, adversarial: Tensor, natural: list[Tensor]) -> JointOutputs:
        """One training forward pass of adversarial and natural images, with all embeddings in one tensor."""
        outputs = self.forward(batch, adversarial, torch.cat(natural).to(memory_format=self.pool.format))
        if outputs.adversarial is None or outputs.natural is None:
            raise RuntimeError("the forward pass gave no outputs for one kind of image")
        embeddings = torch.cat((outputs.adversarial.embedding, outputs.natural.embedding))
        return JointOutputs(outputs.adversarial, outputs.natural, embeddings)

    def distinct(self, rows: Int[Tensor, " b"]) -> Distinct:
        """Unique positions, so that no image is passed forward twice.

        On a GPU (where counting would wait for the device) and with batch norm (whose statistics would change)
        positions are returned as they are.
        """
        if rows.device.type == "cpu" and not self.norms and self.engine.world == 1:
            return Distinct(*torch.unique(rows, return_inverse=True))
        return Distinct(rows, torch.arange(len(rows), device=rows.device))

    def fetch(self, rows: Tensor) -> LabelledImages:
        """Training images by position, with a new augmentation."""
        return LabelledImages(self.pool.view(rows, self.augmenting), self.pool.labels[rows])

    def cross_entropy(self, views: Views) -> Float[Tensor, ""]:
        """Smoothed cross-entropy over all images of the views."""
        return self.smoothed(views).loss

    def _forward_one_kind(self, batch: Batch, adversarial: Tensor | None, natural: Tensor | None) -> StepOutputs:
        if adversarial is None:
            return StepOutputs(None, None if natural is None else self.wrapped(natural))
        if not self.norms or self.config.batch_norm != "clean":
            return StepOutputs(self.wrapped(adversarial), None)
        with torch.no_grad(), self.engine.autocast():
            on_copy(self.module, batch.x)
        with self._frozen_statistics(True):
            return StepOutputs(self.wrapped(adversarial), None)

    @contextlib.contextmanager
    def _frozen_statistics(self, frozen: bool) -> Iterator[None]:
        """Batch norm normalises by the batch without updating its running statistics."""
        momenta = [norm.momentum for norm in self.norms]
        if frozen:
            for norm in self.norms:
                norm.momentum = 0.0
        try:
            yield
        finally:
            for norm, momentum in zip(self.norms, momenta, strict=True):
                norm.momentum = momentum
