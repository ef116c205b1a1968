"""The one first-order loop behind FGSM, BIM, PGD, MIM, C&W and APGD."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from tla.attacks.base import AttackResult
from tla.attacks.goals import Goal
from tla.attacks.judge import check_inputs, check_outputs, evaluating, judge, look, low_precision
from tla.threat import Threat
from tla.types import Model, OnStep, Outputs, Step

Pursuit = Literal["until_reached", "all_steps", "last_step"]
CHECK_EVERY = 5


@dataclass(frozen=True)
class Moment:
    """What a stepper sees: the rows still walking, all tensors with the same first dimension.

    Attributes:
        index: Number of the step, from 0.
        x: Clean images.
        iterate: Where the walk is.
        gradient: Of the goal's value, at the iterate.
        value: The goal's value at the iterate.
        threat: The ball of these rows.
    """

    index: int
    x: Tensor
    iterate: Tensor
    gradient: Tensor
    value: Tensor
    threat: Threat


Memory = dict[str, Tensor]
"""What a stepper remembers, one row per example: rows that leave the batch leave it too."""


class Stepper(ABC):
    """How a walk goes from one iterate to the next."""

    @abstractmethod
    def move(self, moment: Moment, memory: Memory) -> Tensor:
        """The next iterate, inside the ball and the box."""


@dataclass(frozen=True)
class Walk:
    """How to search: everything the loop needs beside the model, the goal and the threat.

    Args:
        stepper: How to move.
        steps: Gradient steps, >= 1.
        restarts: Searches per example, >= 1; only survivors are searched again.
        random_start: Whether a search begins at a random point of the ball.
        pursuit: "until_reached": fooled images leave the batch, after a float32 judgement, and the best iterate is
            returned. "all_steps": nobody leaves, the best iterate is returned. "last_step": nobody leaves, the last
            iterate is returned and judged at the precision around the attack: what training wants.
    """

    stepper: Stepper
    steps: int
    restarts: int = 1
    random_start: bool = True
    pursuit: Pursuit = "until_reached"

    def __post_init__(self) -> None:
        for name in ("steps", "restarts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.restarts > 1 and not self.random_start:
            raise ValueError(f"restarts={self.restarts} without random_start would repeat the same search")


def climb(
    walk: Walk,
    model: Model,
    x: Tensor,
    goal: Goal,
    threat: Threat,
    generator: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> AttackResult:
    """Search the ball around each image for the goal; see `Attack.__call__` for arguments and errors."""
    check_inputs(x, goal, threat)
    x = x.detach()
    with evaluating(model):
        result = _Best.empty(x)
        rows = torch.arange(len(x), device=x.device)
        for restart in range(walk.restarts):
            search = _Search(walk, model, x[rows] if restart else x, goal.select(rows), threat.select(rows), rows)
            result = result.merge(rows, search.run(restart, generator, on_step))
            if restart + 1 < walk.restarts:
                rows = rows[~result.reached[rows]]
                if len(rows) == 0:
                    break
    distance = threat.distance(x, result.images)
    return AttackResult(result.images, result.reached, distance, result.value, result.queries)


class _Best(NamedTuple):
    """The best image so far, per example."""

    images: Tensor
    reached: Tensor
    value: Tensor
    queries: Tensor

    @classmethod
    def empty(cls, x: Tensor) -> "_Best":
        n, device = len(x), x.device
        return cls(
            x.clone(),
            torch.zeros(n, dtype=torch.bool, device=device),
            torch.full((n,), -torch.inf, device=device),
            torch.zeros(n, dtype=torch.int64, device=device),
        )

    def better(self, reached: Tensor, value: Tensor) -> Tensor:
        """Where a newcomer wins: reached beats not reached, then the higher value."""
        return (reached & ~self.reached) | ((reached == self.reached) & (value > self.value))

    def take(self, images: Tensor, reached: Tensor, value: Tensor) -> "_Best":
        """The better one of each row."""
        wins = self.better(reached, value)
        return self.replace(wins, images, reached, value)

    def replace(self, where: Tensor, images: Tensor, reached: Tensor, value: Tensor) -> "_Best":
        mask = where.reshape(-1, *[1] * (images.ndim - 1))
        return _Best(
            torch.where(mask, images, self.images),
            torch.where(where, reached, self.reached),
            torch.where(where, value, self.value),
            self.queries,
        )

    def select(self, rows: Tensor) -> "_Best":
        return _Best._make(part[rows] for part in self)

    def merge(self, rows: Tensor, found: "_Best") -> "_Best":
        """This, with the better of the two on `rows`."""
        queries = self.queries.index_add(0, rows, found.queries)
        kept = self.select(rows).take(found.images, found.reached, found.value)
        parts = [part.index_copy(0, rows, new) for part, new in zip(self[:3], kept[:3], strict=True)]
        return _Best(parts[0], parts[1], parts[2], queries)


class _Search:
    """One restart. Rows that leave are written down in `left`; everything else shrinks with them."""

    def __init__(self, walk: Walk, model: Model, x: Tensor, goal: Goal, threat: Threat, names: Tensor) -> None:
        self.walk, self.model, self.x, self.goal, self.threat, self.names = walk, model, x, goal, threat, names
        self.best = _Best.empty(x)
        self.left = _Best.empty(x)
        self.alive = torch.arange(len(x), device=x.device)
        self.memory: Memory = {}
        self.low = low_precision(x)

    def run(self, restart: int, generator: torch.Generator | None, on_step: OnStep | None) -> _Best:
        iterate = self.threat.start(self.x, generator) if self.walk.random_start else self.x
        for index in range(self.walk.steps):
            iterate = iterate.detach().requires_grad_()
            with torch.enable_grad():
                outputs = look(self.model, iterate)
                if index == 0 and restart == 0:
                    check_outputs(outputs, self.goal)
                value = self.goal.value(outputs)
            (gradient,) = torch.autograd.grad(value.sum(), iterate)
            iterate, value = iterate.detach(), value.detach()
            self.note(index, restart, iterate, outputs, value, on_step)
            moment = Moment(index, self.x, iterate, gradient, value, self.threat)
            iterate = self.walk.stepper.move(moment, self.memory)
            if self.walk.pursuit == "until_reached" and index % CHECK_EVERY == CHECK_EVERY - 1:
                iterate = self.dismiss(iterate)
                if len(self.alive) == 0:
                    return self.left
        return self.finish(iterate, restart, on_step)

    def note(
        self, index: int, restart: int, iterate: Tensor, outputs: Outputs, value: Tensor, on_step: OnStep | None
    ) -> None:
        """Remember the iterate if it is the best, and show it to the recorder."""
        self.best = self.best._replace(queries=self.best.queries + 1)
        if self.walk.pursuit == "last_step" and on_step is None:
            return
        outputs = Outputs(*(part.detach() for part in outputs))
        reached = self.goal.reached(outputs)
        if self.walk.pursuit != "last_step":
            self.best = self.best.take(iterate, reached, value)
        if on_step is not None:
            on_step(Step(index, self.names[self.alive], outputs, value, reached, iterate, restart))

    def dismiss(self, iterate: Tensor) -> Tensor:
        """Let rows go whose best image reaches the goal in float32."""
        claims = self.best.reached.nonzero()[:, 0]
        if len(claims) == 0:
            return iterate
        if self.low:
            self.confirm(claims)
        goes = self.best.reached
        self.left = _write(self.left, self.alive[goes], self.best.select(goes))
        stays = (~goes).nonzero()[:, 0]
        self.alive, self.x, self.best = self.alive[stays], self.x[stays], self.best.select(stays)
        self.goal, self.threat = self.goal.select(stays), self.threat.select(stays)
        self.memory = {name: value[stays] for name, value in self.memory.items()}
        return iterate[stays]

    def confirm(self, claims: Tensor) -> None:
        """Judge the best images of some rows in float32; a claim that falls is forgotten."""
        images = self.best.images[claims]
        goal = self.goal.select(claims)
        outputs = judge(self.model, images)
        reached, value = goal.reached(outputs), goal.value(outputs)
        queries = self.best.queries.index_add(0, claims, torch.ones_like(claims))
        self.best = _Best(
            self.best.images,
            self.best.reached.index_copy(0, claims, reached),
            self.best.value.index_copy(0, claims, value),
            queries,
        )

    def finish(self, iterate: Tensor, restart: int, on_step: OnStep | None) -> _Best:
        """Judge after the last step, then write down everyone who is left."""
        last = self.walk.pursuit == "last_step"
        # Weights cast without a gradient must not stay in autocast's cache: a training step follows.
        with (
            torch.no_grad(),
            torch.autocast(
                iterate.device.type,
                dtype=torch.get_autocast_dtype(iterate.device.type),
                enabled=self.low,
                cache_enabled=False,
            ),
        ):
            outputs = look(self.model, iterate)
            value = self.goal.value(outputs)
        self.note(self.walk.steps, restart, iterate, outputs, value, on_step)
        if last:
            self.best = _Best(iterate, self.goal.reached(outputs), value, self.best.queries)
        elif self.low:
            self.confirm(torch.arange(len(iterate), device=iterate.device))
        return _write(self.left, self.alive, self.best)


def _write(table: _Best, rows: Tensor, new: _Best) -> _Best:
    return _Best._make(part.index_copy(0, rows, value) for part, value in zip(table, new, strict=True))
