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
from tla.attacks.search.best import Best, scored
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
"""Where a "near" start lies on the line from the image (0) to a random point of the ball (1)."""


@dataclass(frozen=True)
class Moment:
    """What a stepper sees: the rows still in the search; all tensors have the same first dimension.

    Attributes:
        number: Index of the step, from 0.
        x: Clean images.
        iterate: Current images.
        gradient: Of the goal's value at the iterate; empty for a stepper that does not use it.
        value: The goal's value at the iterate.
        threat: Norm, radius and box of these rows.
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
"""A stepper's state, one row per example; rows that leave the batch are dropped from it too."""


class Stepper(ABC):
    """How to get from one iterate to the next.

    Attributes:
        climbs: Whether it uses the gradient; if not, a step costs only a forward pass.
    """

    climbs: ClassVar[bool] = True

    @abstractmethod
    def move(self, moment: Moment, memory: Memory) -> Tensor:
        """The next iterate, inside the ball and the box."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One search of the ball.

    Args:
        stepper: How to move.
        steps: Number of steps, >= 1.
        start: Where to begin: a "random" point of the ball, the "image", a point "near" it (for goals that are flat at
            the image itself), or the "best" image of the earlier phases.
        loss: Loss to climb; None for the goal's own.
        rival: Climb toward the wrong class of this rank (0 = the likeliest on the clean image); None for any class.
        radius: Radius of a random start, in units of eps.

    Raises:
        ValueError: for steps below 1.
    """

    stepper: Stepper
    steps: int
    start: Start = "random"
    loss: Surrogate | None = None
    rival: int | None = None
    radius: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Searches run in turn; each takes only the images on which all earlier ones failed.

    Args:
        phases: The searches; the first one's loss decides which iterate is the best.
        pursuit: "until_reached": images that reach the goal (checked in float32) leave the batch, and the best iterate
            is returned. "all_steps": every image runs all steps of a phase, and the best iterate is returned.
            "last_step": the same, but the last iterate is returned, checked at the surrounding precision: for training.

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
        ValueError: for restarts below 1, or above 1 without a random start.
    """
    if restarts < 1:
        raise ValueError(f"restarts must be >= 1, got {restarts}")
    if restarts > 1 and phase.start != "random":
        raise ValueError(f"restarts={restarts} without random_start would repeat the same search")
    return (phase,) * restarts


def one_step(attack: Attack) -> bool:
    """True if no search of an attack takes more than one gradient step."""
    return isinstance(attack, FirstOrder) and all(phase.steps == 1 for phase in attack.plan().phases)


def with_pursuit(attack: Attack, pursuit: Pursuit) -> Attack:
    """The same attack with another pursuit; an attack without that setting is returned unchanged."""
    fields = {field.name for field in dataclasses.fields(attack)}
    return dataclasses.replace(attack, pursuit=pursuit) if "pursuit" in fields else attack


class FirstOrder(Attack):
    """An attack that the loop below runs: a subclass only says in `plan` which searches to make."""

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
        self.check_supported(goal, threat)
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
    with torch.inference_mode(False), kept(), evaluating(model):
        x = check_inputs(x, goal, threat, model)
        x = x.clone() if x.is_inference() else x.detach()
        ranking = goal.using(plan.phases[0].loss)
        best, rows = Best.none(x), torch.arange(len(x), device=x.device)
        clean = forward_fp32(model, x) if any(phase.rival is not None for phase in plan.phases) else None
        if clean is not None:
            best = best.add_query()
        for number, phase in enumerate(plan.phases):
            climbed = goal.using(phase.loss).toward(phase.rival, clean)
            if climbed is None or len(rows) == 0:
                continue
            search = _Search(
                plan, phase, model, x[rows], climbed.select(rows), ranking.select(rows), threat.select(rows)
            )
            start = search.start(best.images[rows], generator)
            best = best.merge(rows, search.run(number, rows, start, generator, on_step))
            if number + 1 < len(plan.phases):
                rows = (~best.reached).nonzero()[:, 0]
        return AttackResult(best.images, best.reached, threat.distance(x, best.images), best.value, best.queries)


class _Search:
    """One phase of a plan. `alive` are the rows still searched; those that leave are stored in `finished`.

    Args:
        plan: Whose pursuit applies.
        phase: The search.
        model: In evaluation mode.
        x: Clean images.
        climbed: The goal whose value the steps climb.
        ranking: The goal that decides which iterate is the best, and whether it is enough.
        threat: Norm, radius and box of these rows.
    """

    def __init__(
        self, plan: Plan, phase: Phase, model: Model, x: Tensor, climbed: Goal, ranking: Goal, threat: Threat
    ) -> None:
        self.pursuit, self.phase, self.model = plan.pursuit, phase, model
        self.x, self.climbed, self.ranking, self.threat = x, climbed, ranking, threat
        self.best = self.finished = Best.none(x)
        self.alive = torch.arange(len(x), device=x.device)
        self.memory: Memory = {}
        self.low = low_precision(x)

    def start(self, best: Tensor, generator: torch.Generator | None) -> Tensor:
        """The first iterate."""
        if self.phase.start in ("image", "best"):
            return best if self.phase.start == "best" else self.x
        point = self.threat.scaled(self.phase.radius).start(self.x, generator)
        return point if self.phase.start == "random" else torch.lerp(self.x, point, NEAR)

    def run(
        self, number: int, rows: Tensor, iterate: Tensor, generator: torch.Generator | None, on_step: OnStep | None
    ) -> Best:
        """Take all steps, check the result, and return the best image of each row."""
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
            self.update(step, on_step)
            moment = Moment(index, self.x, step.images, gradient, step.value, self.threat, generator)
            iterate = stepper.move(moment, self.memory)
            if self.pursuit == "until_reached" and index % CHECK_EVERY == CHECK_EVERY - 1:
                iterate = self.drop_reached(iterate)
                if len(self.alive) == 0:
                    return self.finished
        return self.finish(number, rows, iterate, on_step)

    def update(self, step: Step, on_step: OnStep | None) -> None:
        """Keep the iterate where it is the best of its row, and pass it to the callback."""
        if self.pursuit == "last_step" and on_step is None:
            self.best = self.best.add_query()
            return
        new = scored(step.images, step.outputs, self.ranking)
        if on_step is not None:
            on_step(step._replace(success=new.reached))
        if self.pursuit == "last_step":
            self.best = self.best.add_query()
            return
        if step.index == 0 and self.phase.start == "image":
            # The clean image counts only where it reaches the goal already: a failed attack returns a real attempt.
            new = new._replace(stage=torch.where(new.reached, new.stage, -2))
        self.best = self.best.take(new)

    def drop_reached(self, iterate: Tensor) -> Tensor:
        """Remove the rows whose best image reaches the goal in float32."""
        candidates = self.best.reached.nonzero()[:, 0]
        if len(candidates) == 0:
            return iterate
        if self.low:
            self.check_fp32(candidates)
        reached = self.best.reached
        self.finished = self.finished.write(self.alive[reached], self.best.select(reached))
        rest = (~reached).nonzero()[:, 0]
        self.alive, self.x, self.best = self.alive[rest], self.x[rest], self.best.select(rest)
        self.climbed, self.ranking = self.climbed.select(rest), self.ranking.select(rest)
        self.threat = self.threat.select(rest)
        self.memory = {name: value[rest] for name, value in self.memory.items()}
        return iterate[rest]

    def check_fp32(self, rows: Tensor) -> None:
        """Score the best images of some rows again, in float32."""
        best = self.best.select(rows)
        checked = scored(best.images, forward_fp32(self.model, best.images), self.ranking.select(rows))
        self.best = self.best.write(rows, checked._replace(queries=best.queries + 1))

    def finish(self, number: int, rows: Tensor, iterate: Tensor, on_step: OnStep | None) -> Best:
        """Score the last iterate, and store the rows that are left."""
        with torch.no_grad(), ambient(iterate):
            outputs = forward(self.model, iterate)
            value = self.climbed.value(outputs)
        self.update(Step(self.phase.steps, rows[self.alive], outputs, value, value, iterate, number), on_step)
        if self.pursuit == "last_step":
            self.best = scored(iterate, outputs, self.ranking)._replace(queries=self.best.queries)
        elif self.low:
            self.check_fp32(torch.arange(len(iterate), device=iterate.device))
        return self.finished.write(self.alive, self.best)


def _detached(outputs: Outputs) -> Outputs:
    return Outputs(*(output.detach() for output in outputs))
