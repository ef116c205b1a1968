"""What the checks share, computed once, on first use."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from tla.attacks import Attack, AttackResult, Goal, Recorder, Trajectory, Untargeted
from tla.attacks.goals import Score
from tla.audit.snapshot import Snapshot
from tla.audit.subject import AuditedModel, forward
from tla.audit.variants import CannotRunError
from tla.devices import exact, returned
from tla.models import as_classifier
from tla.seeding import generator
from tla.tensors import from_bytes
from tla.threat import Threat
from tla.types import Outputs

T = TypeVar("T")


class AuditedAttack(NamedTuple):
    """The outcome of one attack on all images of the audit.

    Attributes:
        name: As it appears in sentences: "pgd".
        result: As the attack returned it, n rows.
        prediction: Classes of the returned images, by one float32 forward pass, shape (n,).
        broken: True where the clean image is misclassified, or the returned image is in the audit's ball and is
            misclassified, shape (n,).
        trajectory: Every iterate, if it was recorded and the attack reports its steps.
    """

    name: str
    result: AttackResult
    prediction: Tensor
    broken: Tensor
    trajectory: Trajectory | None


class Stored(NamedTuple):
    """Adversarial images that an evaluation stored, with the clean images they came from.

    Attributes:
        name: Label of the attack.
        x: Clean images, floats or bytes (255 stands for 1), shape (m, ...).
        y: True classes, shape (m,).
        ids: Name of each image, shape (m,).
        adversarial: As stored, shape (m, ...).
        threat: The ball that they are claimed to be in.
        success: Which images the evaluation claims to have fooled, shape (m,); None if that was not stored.
    """

    name: str
    x: Tensor
    y: Tensor
    ids: Tensor
    adversarial: Tensor
    threat: Threat
    success: Tensor | None = None

    def parts(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Rows, clean images and adversarial images, a few at a time so that little memory is needed."""
        for rows in few_at_a_time(self.x):
            yield rows, from_bytes(self.x[rows], self.adversarial.dtype), self.adversarial[rows]


@dataclass(kw_only=True, eq=False)
class Context:
    """A model, images, an attack, and everything that the checks have computed so far.

    Args:
        original: The user's model (already in evaluation mode; `before` holds its state before that).
        before: Its state before the audit.
        x: Images, shape (n, ...).
        y: True classes, shape (n,).
        ids: Name of each image, shape (n,).
        rows: Positions of these images among all that were given, shape (n,).
        threat: Norm, radius and box.
        attack: The attack under audit.
        stored: Adversarial images of a finished evaluation.
        sources: Other models of the same classes, by name: attacked for transfer.
        detector: A fitted detector: `Outputs` to a score per image, larger = more suspicious; None if there is none.
        seed: All random numbers of the audit derive from it.
        batch: Images per forward pass.
        attacks_run: False if only stored images are audited.
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
        """The model with an embedding: the input of its last linear layer if it returns only logits.

        Raises:
            CannotRunError: if there is no such layer.
        """
        self.clean  # noqa: B018 (a first forward pass shows what the model returns)
        if self.model.embeds:
            return self.model
        adapted = as_classifier(self.original)
        try:
            forward(adapted, self.x[:2], 2)
        except ValueError as error:
            raise CannotRunError(f"the model has no embedding: {error}") from None
        return adapted

    @cached_property
    def clean(self) -> Outputs:
        """Outputs of the clean images, float32."""
        outputs = forward(self.model, self.x, self.batch)
        if outputs.logits.ndim != 2 or not bool(torch.isfinite(outputs.logits).all()):
            raise CannotRunError("the model returns no finite logits of shape (n, classes); see the check logits")
        return outputs

    @cached_property
    def correct(self) -> Tensor:
        """True where the clean image is classified correctly, shape (n,)."""
        return self.clean.logits.argmax(1) == self.y

    @cached_property
    def run(self) -> AuditedAttack:
        """The attack under audit, with its trajectory."""
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
            name: Its name in sentences.
            attack: What to run.
            threat: Another ball than the audit's.
            goal: Another goal than leaving the true class; an image still counts as broken by its class.
            model: Another view of the model, such as `embedding_model`.
            record: Keep the trajectory.
            counts: Whether the images it breaks enter the minimum over attacks (only inside the audit's ball).
        """
        if name not in self._memo:
            goal = goal or Untargeted(self.y)
            self._memo[name] = self._attack(name, attack, threat or self.threat, goal, model or self.model, record)
            if counts:
                self.broken[name] = self._memo[name].broken
        return self._memo[name]

    def arrays(self) -> tuple[Stored, ...]:
        """Stored adversarial images, and those that the attack under audit returned here."""
        if not self.attacks_run:
            return self.stored
        name, result = f"{self.run.name} (this audit)", self.run.result
        fresh = Stored(name, self.x, self.y, self.ids, result.adversarial, self.threat, result.success)
        return (*self.stored, fresh)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """A value that several checks share, computed on first use."""
        if name not in self._memo:
            self._memo[name] = make()
        return self._memo[name]

    def predictions(self, images: Tensor, batch: int | None = None, model: nn.Module | None = None) -> Tensor:
        """Classes of images by a float32 forward pass, shape (n,)."""
        return forward(model or self.model, images, batch or self.batch).logits.argmax(1)

    def breaks(self, images: Tensor) -> Tensor:
        """True where an image is in the audit's ball around x and is misclassified, or x itself is, shape (n,)."""
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
        self.clean  # noqa: B018 (a model without usable logits is reported before any attack)
        results, tracks = [], []
        for start in range(0, self.n, self.batch):
            rows = torch.arange(start, min(start + self.batch, self.n), device=self.x.device)
            recorder = Recorder(embedding=None) if record else None
            # The same random numbers for every attack: variants start where the attack under audit started.
            source = self.source("attack", start)
            result = attack(
                model, self.x[rows], goal.select(rows), threat.select(rows), generator=source, on_step=recorder
            )
            results.append(result)
            track = _trajectory(recorder)
            if track is not None:
                tracks.append(track._replace(row=track.row + start))
        result = AttackResult(*(torch.cat(columns) for columns in zip(*results, strict=True)))
        prediction = self.predictions(result.adversarial)
        broken = ~self.correct | (self.inside(result.adversarial) & (prediction != self.y))
        return AuditedAttack(name, result, prediction, broken, _join(tracks))


def _trajectory(recorder: Recorder | None) -> Trajectory | None:
    if recorder is None:
        return None
    try:
        return recorder.trajectory()
    except ValueError:  # the attack reports no steps
        return None


def _join(tracks: list[Trajectory]) -> Trajectory | None:
    if not tracks:
        return None
    row, step, restart, prediction, value, success, *_ = zip(*tracks, strict=True)
    first = (torch.cat(column) for column in (row, step, restart, prediction, value, success))
    return Trajectory(*first, embedding=None, images=None)


def slack(threat: Threat, x: Tensor) -> Tensor:
    """How far beyond eps a stored float32 image may be: 1e-6 eps plus the rounding of its pixels; shape (1 or n,)."""
    size = x[0].numel()
    rounding = 2.0**-23 * max(abs(threat.low), abs(threat.high))
    total = {"linf": 1.0, "l2": size**0.5, "l1": float(size)}[threat.norm] * rounding
    return threat.radius(exact(x)).flatten() * 1e-6 + total


def overshoot(x: Tensor, images: Tensor, threat: Threat) -> Tensor:
    """How far images are outside the ball or the box, in pixel units, computed in float64.

    Args:
        x: Clean images, floats or bytes, shape (n, ...).
        images: Their adversarial images, shape (n, ...).
        threat: Ball and box.

    Returns:
        <= 0 inside, infinite if a pixel is not finite; shape (n,).
    """
    found = [
        _overshoot(from_bytes(x[rows], images.dtype), images[rows], threat.select(rows)) for rows in few_at_a_time(x)
    ]
    return returned(torch.cat(found), x.device) if found else x.new_zeros(0)


def few_at_a_time(x: Tensor) -> tuple[Tensor, ...]:
    """Rows of images in parts, so that what is computed of them in float64 stays below 8 MiB."""
    size = max(1, x[:1].numel())
    return torch.arange(len(x), device=x.device).split(max(1, 2**20 // size)) if len(x) else ()


def _overshoot(x: Tensor, images: Tensor, threat: Threat) -> Tensor:
    moved = exact(images)
    outside = threat.distance(exact(x), moved) - threat.radius(moved).flatten() - slack(threat, x)
    box = torch.maximum(threat.low - moved.flatten(1).amin(1), moved.flatten(1).amax(1) - threat.high)
    finite = torch.isfinite(moved).flatten(1).all(1)
    return torch.where(finite, torch.maximum(outside, box), torch.inf)
