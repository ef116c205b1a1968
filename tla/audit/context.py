"""What the checks share: each thing is computed when first asked for, once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from tla.attacks import Attack, AttackResult, Goal, Recorder, Trajectory, Untargeted
from tla.attacks.goals import Score
from tla.audit.ball import overshoot
from tla.audit.snapshot import Snapshot
from tla.audit.subject import AuditedModel, forward
from tla.audit.variants import CannotRunError
from tla.models import as_classifier
from tla.seeding import generator
from tla.threat import Threat
from tla.types import Outputs

T = TypeVar("T")


class AuditedAttack(NamedTuple):
    """One attack on all images of the audit.

    Attributes:
        name: As it appears in sentences: "pgd".
        result: What the attack returned, n rows.
        prediction: Classes of the returned images, by one float32 forward pass, shape (n,).
        broken: True where the image was misclassified when clean, or where the returned image lies in the ball of the
            audit and is misclassified, shape (n,).
        trajectory: Every iterate, if it was recorded and the attack shows its steps.
    """

    name: str
    result: AttackResult
    prediction: Tensor
    broken: Tensor
    trajectory: Trajectory | None


class Stored(NamedTuple):
    """Adversarial images that an evaluation left behind, with the images they came from.

    Attributes:
        name: Label of the attack.
        x: Clean images, shape (m, ...).
        y: True classes, shape (m,).
        ids: Name of each image, shape (m,).
        adversarial: As stored, shape (m, ...).
        threat: The ball that they are said to lie in.
        success: What the evaluation says it fooled, shape (m,); None if that was not stored.
    """

    name: str
    x: Tensor
    y: Tensor
    ids: Tensor
    adversarial: Tensor
    threat: Threat
    success: Tensor | None = None


@dataclass(kw_only=True, eq=False)
class Context:
    """A model, images, an attack, and everything that checks have found out about them so far.

    Args:
        original: The model as the user gave it (already in evaluation mode; `before` tells how it came).
        before: Its state before the audit.
        x: Images, shape (n, ...).
        y: True classes, shape (n,).
        ids: Name of each image, shape (n,).
        rows: Where these images stand among all that the audit was given, shape (n,).
        threat: Norm, radius and box.
        attack: The attack whose result is to be believed.
        stored: Adversarial images of a finished evaluation.
        sources: Other models of the same classes, by name: attacked for transfer.
        detector: A fitted detector: `Outputs` to a score per image, larger = more suspicious; None if there is none.
        seed: Every random number of the audit derives from it.
        batch: Images per forward pass.
        attacks_run: False where only stored images are judged.
    """

    original: nn.Module
    before: Snapshot
    x: Tensor
    y: Tensor
    ids: Tensor
    rows: Tensor
    threat: Threat
    attack: Attack
    stored: tuple[Stored, ...] = ()
    sources: Mapping[str, nn.Module] = field(default_factory=dict)
    detector: Score | None = None
    seed: int = 0
    batch: int = 256
    attacks_run: bool = True
    broken: dict[str, Tensor] = field(default_factory=dict, init=False)
    _memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.x)

    @cached_property
    def model(self) -> AuditedModel:
        """The model, returning `Outputs`."""
        return AuditedModel(self.original)

    @cached_property
    def embedding_model(self) -> nn.Module:
        """The model with an embedding; where it gives logits alone, what its last linear layer is fed with.

        Raises:
            CannotRunError: if there is no such layer.
        """
        self.clean  # noqa: B018 (a first forward pass tells what the model returns)
        if self.model.embeds:
            return self.model
        adapted = as_classifier(self.original)
        try:
            forward(adapted, self.x[:2], 2)
        except ValueError as error:
            raise CannotRunError(f"the model gives no embedding: {error}") from None
        return adapted

    @cached_property
    def clean(self) -> Outputs:
        """Outputs of the clean images, float32."""
        outputs = forward(self.model, self.x, self.batch)
        if outputs.logits.ndim != 2 or not bool(torch.isfinite(outputs.logits).all()):
            raise CannotRunError("the model gives no finite logits of shape (n, classes); see the check logits")
        return outputs

    @cached_property
    def correct(self) -> Tensor:
        """True where the clean image is classified correctly, shape (n,)."""
        return self.clean.logits.argmax(1) == self.y

    @cached_property
    def run(self) -> AuditedAttack:
        """The attack under audit, recorded."""
        if not self.attacks_run:
            raise CannotRunError("only stored images are audited here")
        return self.attacked(self.attack_name, self.attack, record=True)

    @property
    def attack_name(self) -> str:
        """The name under which the attack is registered, or its class."""
        try:
            return Attack.registry.name_of(self.attack)
        except ValueError:
            return type(self.attack).__name__

    @property
    def survivors(self) -> Tensor:
        """True where the clean image is right and the attack under audit failed, shape (n,)."""
        return ~self.run.broken

    def attacked(
        self,
        name: str,
        attack: Attack,
        *,
        threat: Threat | None = None,
        goal: Goal | None = None,
        model: nn.Module | None = None,
        record: bool = False,
        counts: bool = True,
    ) -> AuditedAttack:
        """Run an attack on all images, once per name.

        Args:
            name: What it is called in sentences.
            attack: The recipe.
            threat: Another ball than the audit's.
            goal: Another goal than leaving the true class; success is judged by the class all the same.
            model: Another view of the model, one with an embedding.
            record: Keep the trajectory.
            counts: Whether what it breaks counts in the minimum over attacks (only inside the audit's ball).
        """
        if name not in self._memo:
            goal = goal or Untargeted(self.y)
            self._memo[name] = self._attack(name, attack, threat or self.threat, goal, model or self.model, record)
            if counts:
                self.broken[name] = self._memo[name].broken
        return self._memo[name]

    def arrays(self) -> tuple[Stored, ...]:
        """Stored adversarial images, and what the attack under audit returned here."""
        if not self.attacks_run:
            return self.stored
        name, result = f"{self.run.name} (this audit)", self.run.result
        fresh = Stored(name, self.x, self.y, self.ids, result.adversarial, self.threat, result.success)
        return (*self.stored, fresh)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """A value that several checks share, made on first use."""
        if name not in self._memo:
            self._memo[name] = make()
        return self._memo[name]

    def predictions(self, images: Tensor, batch: int | None = None, model: nn.Module | None = None) -> Tensor:
        """Classes of images by a float32 forward pass, shape (n,)."""
        return forward(model or self.model, images, batch or self.batch).logits.argmax(1)

    def breaks(self, images: Tensor) -> Tensor:
        """True where an image lies in the audit's ball around x and is misclassified, or x itself is, shape (n,)."""
        return ~self.correct | (self.inside(images) & (self.predictions(images) != self.y))

    def inside(self, images: Tensor) -> Tensor:
        """True where an image is finite, in the box and in the ball of the audit, shape (n,)."""
        return overshoot(self.x, images, self.threat) <= 0

    def source(self, *purpose: str | int) -> torch.Generator:
        """Random numbers for one purpose."""
        return generator(self.seed, "audit", *purpose, device=self.x.device)

    def names(self, rows: Tensor) -> tuple[int, ...]:
        """The ids of some rows (a mask or positions)."""
        return tuple(int(number) for number in self.ids[rows.to(self.ids.device)])

    def _attack(
        self, name: str, attack: Attack, threat: Threat, goal: Goal, model: nn.Module, record: bool
    ) -> AuditedAttack:
        self.clean  # noqa: B018 (a model without usable logits is named before any attack)
        parts, tracks = [], []
        for start in range(0, self.n, self.batch):
            rows = torch.arange(start, min(start + self.batch, self.n), device=self.x.device)
            recorder = Recorder(embedding=None) if record else None
            # The same random numbers for every attack: variants start where the audited attack started.
            source = self.source("attack", start)
            found = attack(
                model, self.x[rows], goal.select(rows), threat.select(rows), generator=source, on_step=recorder
            )
            parts.append(found)
            track = _trajectory(recorder)
            if track is not None:
                tracks.append(track._replace(row=track.row + start))
        result = AttackResult(*(torch.cat(columns) for columns in zip(*parts, strict=True)))
        prediction = self.predictions(result.adversarial)
        broken = ~self.correct | (self.inside(result.adversarial) & (prediction != self.y))
        return AuditedAttack(name, result, prediction, broken, _join(tracks))


def _trajectory(recorder: Recorder | None) -> Trajectory | None:
    if recorder is None:
        return None
    try:
        return recorder.trajectory()
    except ValueError:  # the attack shows no steps
        return None


def _join(tracks: list[Trajectory]) -> Trajectory | None:
    if not tracks:
        return None
    row, step, restart, prediction, value, success, *_ = zip(*tracks, strict=True)
    first = (torch.cat(column) for column in (row, step, restart, prediction, value, success))
    return Trajectory(*first, embedding=None, images=None)
