"""The one first-order loop behind FGSM, BIM, PGD, MIM, C&W and APGD."""

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from tla.attacks.base import Attack, AttackResult
from tla.attacks.goals import Goal, Surrogate
from tla.attacks.search.best import Best, found
from tla.attacks.search.forward import (
    ambient,
    check_inputs,
    check_outputs,
    forward,
    forward_fp32,
    input_gradient,
    low_precision,
)
from tla.memory import kept
from tla.models.network.mode import evaluating
from tla.threat import Threat
from tla.types import Model, OnStep, Outputs, Step

Start = Literal["random", "image", "near", "best"]
Pursuit = Literal["until_reached", "all_steps", "last_step"]
PURSUITS: tuple[Pursuit, ...] = ("until_reached", "all_steps", "last_step")
CHECK_EVERY = 5
NEAR = 1e-3
"""How far from the image a search begins that begins near it, as a share of a random point's way."""


@dataclass(frozen=True)
class Moment:
    """What a stepper sees: the rows still walking; all tensors have the same first dimension.

    Attributes:
        number: Of the step, from 0.
        x: Clean images.
        iterate: Where the walk is.
        gradient: Of the goal's value, at the iterate; empty for a stepper that does not want it.
        value: The goal's value at the iterate.
        threat: The ball of these rows.
        generator: Source of random numbers.
    """

    number: int
    x: Tensor
    iterate: Tensor
    gradient: Tensor
    value: Tensor
    threat: Threat
    generator: torch.Generator | None = None


Memory = dict[str, Tensor]
"""What a stepper remembers, one row per example: rows that leave the batch leave it too."""


class Stepper(ABC):
    """How a walk goes from one iterate to the next.

    Attributes:
        climbs: Whether it wants the gradient; without, a step costs a forward pass alone.
    """

    climbs: ClassVar[bool] = True

    @abstractmethod
    def move(self, moment: Moment, memory: Memory) -> Tensor:
        """The next iterate, inside the ball and the box."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One search of the ball, from its start to its last step.

    Args:
        stepper: How to move.
        steps: Steps, >= 1.
        start: Where to begin: a "random" point of the ball, the "image", a point "near" it (for goals that are flat at
            the image itself), or the "best" image of the searches before.
        loss: What to climb; None for what the goal says.
        rival: Climb toward the wrong class of this rank (0 = the likeliest on the clean image); None for any class.

    Raises:
        ValueError: for fewer than one step.
    """

    stepper: Stepper
    steps: int
    start: Start = "random"
    loss: Surrogate | None = None
    rival: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Searches, one after the other; each takes up only the images that all before it failed on.

    Args:
        phases: The searches; images are compared between them by the first one's loss.
        pursuit: "until_reached": images that reach the goal (judged in float32) leave the batch, and the best iterate
            is returned. "all_steps": nobody leaves during a search, the best iterate is returned. "last_step": nobody
            leaves, the last iterate is returned, judged at the precision around the attack: what training wants.

    Raises:
        ValueError: for an unknown pursuit.
    """

    phases: tuple[Phase, ...]
    pursuit: Pursuit = "until_reached"

    def __post_init__(self) -> None:
        if self.pursuit not in PURSUITS:
            raise ValueError(f"pursuit must be one of {', '.join(PURSUITS)}, got {self.pursuit!r}")


def repeated(phase: Phase, restarts: int) -> tuple[Phase, ...]:
    """The same search several times.

    Raises:
        ValueError: for fewer than one, or for several without a random start.
    """
    if restarts < 1:
        raise ValueError(f"restarts must be >= 1, got {restarts}")
    if restarts > 1 and phase.start != "random":
        raise ValueError(f"restarts={restarts} without random_start would repeat the same search")
    return (phase,) * restarts


def with_pursuit(attack: Attack, pursuit: Pursuit) -> Attack:
    """The same attack with another pursuit; one that has none is returned as it is."""
    fields = {field.name for field in dataclasses.fields(attack)}
    return dataclasses.replace(attack, pursuit=pursuit) if "pursuit" in fields else attack


class FirstOrder(Attack):
    """An attack that is a plan for the loop."""

    @abstractmethod
    def plan(self) -> Plan:
        """The searches that this attack makes."""

    def __post_init__(self) -> None:
        self.plan()

    def __call__(
        self,
        model: Model,
        x: Float[Tensor, "b ..."],
        goal: Goal,
        threat: Threat,
        *,
        generator: torch.Generator | None = None,
        on_step: OnStep | None = None,
    ) -> AttackResult:
        """Search for images that reach the goal; see `Attack`."""
        return climb(self.plan(), model, x, goal, threat, generator, on_step)


def climb(
    plan: Plan,
    model: Model,
    x: Tensor,
    goal: Goal,
    threat: Threat,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> AttackResult:
    """Search the ball around each image for the goal; see `Attack.__call__` for arguments and errors."""
    with torch.inference_mode(False), kept():
        return _climb(plan, model, x, goal, threat, generator, on_step)


def _climb(
    plan: Plan,
    model: Model,
    x: Tensor,
    goal: Goal,
    threat: Threat,
    generator: torch.Generator | None,
    on_step: OnStep | None,
) -> AttackResult:
    check_inputs(x, goal, threat)
    x = x.clone() if x.is_inference() else x.detach()
    wanted = goal.using(plan.phases[0].loss)
    best, rows = Best.none(x), torch.arange(len(x), device=x.device)
    with evaluating(model):
        clean = forward_fp32(model, x) if any(phase.rival is not None for phase in plan.phases) else None
        if clean is not None:
            best = best.asked()
        for number, phase in enumerate(plan.phases):
            climbed = goal.using(phase.loss).toward(phase.rival, clean)
            if climbed is None or len(rows) == 0:
                continue
            search = _Search(
                plan, phase, model, x[rows], climbed.select(rows), wanted.select(rows), threat.select(rows)
            )
            start = search.start(best.images[rows], generator)
            best = best.merge(rows, search.run(number, rows, start, generator, on_step))
            if number + 1 < len(plan.phases):
                rows = (~best.reached).nonzero()[:, 0]
    return AttackResult(best.images, best.reached, threat.distance(x, best.images), best.value, best.queries)


class _Search:
    """One phase. Rows that leave are written down in `left`; everything else shrinks with them."""

    def __init__(
        self, plan: Plan, phase: Phase, model: Model, x: Tensor, climbed: Goal, wanted: Goal, threat: Threat
    ) -> None:
        self.pursuit, self.phase, self.model = plan.pursuit, phase, model
        self.x, self.climbed, self.wanted, self.threat = x, climbed, wanted, threat
        self.best = self.left = Best.none(x)
        self.alive = torch.arange(len(x), device=x.device)
        self.memory: Memory = {}
        self.low = low_precision(x)

    def start(self, best: Tensor, generator: torch.Generator | None) -> Tensor:
        """Where the walk begins."""
        if self.phase.start in ("image", "best"):
            return best if self.phase.start == "best" else self.x
        point = self.threat.start(self.x, generator)
        return point if self.phase.start == "random" else torch.lerp(self.x, point, NEAR)

    def run(
        self, number: int, rows: Tensor, iterate: Tensor, generator: torch.Generator | None, on_step: OnStep | None
    ) -> Best:
        """Walk, judge after the last step, and return the best image of each row."""
        stepper = self.phase.stepper
        for index in range(self.phase.steps):
            iterate = iterate.detach().requires_grad_(stepper.climbs)
            with torch.set_grad_enabled(stepper.climbs):
                outputs = forward(self.model, iterate)
                if index == 0:
                    check_outputs(outputs, self.climbed)
                value = self.climbed.value(outputs)
            gradient = input_gradient(value, iterate) if stepper.climbs else value[:0]
            step = Step(index, rows[self.alive], _detached(outputs), value.detach(), value, iterate.detach(), number)
            self.note(step, on_step)
            moment = Moment(index, self.x, step.images, gradient, step.value, self.threat, generator)
            iterate = stepper.move(moment, self.memory)
            if self.pursuit == "until_reached" and index % CHECK_EVERY == CHECK_EVERY - 1:
                iterate = self.dismiss(iterate)
                if len(self.alive) == 0:
                    return self.left
        return self.finish(number, rows, iterate, on_step)

    def note(self, step: Step, on_step: OnStep | None) -> None:
        """Keep the iterate if it is the best of its row, and show it to whoever watches."""
        if self.pursuit == "last_step" and on_step is None:
            self.best = self.best.asked()
            return
        new = found(step.images, step.outputs, self.wanted)
        if on_step is not None:
            on_step(step._replace(success=new.reached))
        if self.pursuit == "last_step":
            self.best = self.best.asked()
            return
        if step.index == 0 and self.phase.start == "image":
            # The clean image counts as found only where it is fooled already: a failed attack returns a real try.
            new = new._replace(stage=torch.where(new.reached, new.stage, -2))
        self.best = self.best.take(new)

    def dismiss(self, iterate: Tensor) -> Tensor:
        """Let rows go whose best image reaches the goal in float32."""
        claims = self.best.reached.nonzero()[:, 0]
        if len(claims) == 0:
            return iterate
        if self.low:
            self.confirm(claims)
        goes = self.best.reached
        self.left = self.left.write(self.alive[goes], self.best.select(goes))
        stays = (~goes).nonzero()[:, 0]
        self.alive, self.x, self.best = self.alive[stays], self.x[stays], self.best.select(stays)
        same = self.climbed is self.wanted
        self.wanted, self.threat = self.wanted.select(stays), self.threat.select(stays)
        self.climbed = self.wanted if same else self.climbed.select(stays)
        self.memory = {name: value[stays] for name, value in self.memory.items()}
        return iterate[stays]

    def confirm(self, claims: Tensor) -> None:
        """Judge the best images of some rows in float32; a claim that falls is forgotten."""
        claimed = self.best.select(claims)
        verdict = found(claimed.images, forward_fp32(self.model, claimed.images), self.wanted.select(claims))
        self.best = self.best.write(claims, verdict._replace(queries=claimed.queries + 1))

    def finish(self, number: int, rows: Tensor, iterate: Tensor, on_step: OnStep | None) -> Best:
        """Judge after the last step, then write down everyone who is left."""
        with torch.no_grad(), ambient(iterate):
            outputs = forward(self.model, iterate)
            value = self.climbed.value(outputs)
        self.note(Step(self.phase.steps, rows[self.alive], outputs, value, value, iterate, number), on_step)
        if self.pursuit == "last_step":
            self.best = found(iterate, outputs, self.wanted)._replace(queries=self.best.queries)
        elif self.low:
            self.confirm(torch.arange(len(iterate), device=iterate.device))
        return self.left.write(self.alive, self.best)


def _detached(outputs: Outputs) -> Outputs:
    return Outputs(*(part.detach() for part in outputs))
