"""What every attack takes and returns."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.attacks.goals import Goal
from tla.registry import Registry
from tla.threat import NORMS, Norm, Threat
from tla.types import Model, OnStep

Reach = Literal["boundary", "inside", "chance"]


class AttackResult(NamedTuple):
    """What an attack found, per example.

    Attributes:
        adversarial: The best image by goal value, also where the attack failed; in ball and box, shape (b, ...).
        success: Whether `adversarial` itself reaches the goal, shape (b,).
        distance: Size of the perturbation in the threat's norm, shape (b,).
        value: The goal's value at `adversarial`, shape (b,).
        queries: Forward passes that included the example, shape (b,).
    """

    adversarial: Float[Tensor, "b ..."]
    success: Bool[Tensor, " b"]
    distance: Float[Tensor, " b"]
    value: Float[Tensor, " b"]
    queries: Int[Tensor, " b"]


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """A way to search the ball of a threat; subclasses are registered in `ATTACKS`, one per file.

    The class attributes say what can be expected of an attack. tests/attacks holds each registered attack to them, on a
    linear network, whose class boundary is a plane at a known distance: an attack that is weak by design says so. A
    `__call__` of your own refuses what it cannot use with `check_supported`, and with `check_inputs` and
    `check_outputs` of `tla.attacks.search.forward`.

    Attributes:
        norms: Norms that it supports; all by default.
        goals: Kinds of goals that it supports; any by default.
        reach: Which images it is sure to fool. "boundary": all whose class boundary crosses the ball, even if only just
            (many steps). "inside": those whose boundary is at most eps/4 away (few steps, random search). "chance":
            none in particular (random points).
        evaluates: False for an attack that leaves the ball: it is for training alone, see `check_evaluates`.
        quick: Settings that make it cheap enough for tests and demos, within the same reach; none by default.
    """

    registry: ClassVar[Registry["Attack"]]
    norms: ClassVar[tuple[Norm, ...]] = NORMS
    goals: ClassVar[tuple[type[Goal], ...]] = (Goal,)
    reach: ClassVar[Reach] = "boundary"
    evaluates: ClassVar[bool] = True
    quick: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
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
        """Search for images that reach the goal.

        Args:
            model: Maps images to `Outputs`; left unchanged (mode, gradients, hooks).
            x: Images in the threat's box, shape (b, ...); not changed.
            goal: What to climb, and when it is reached.
            threat: Norm, radius and box.
            generator: Source of random numbers, on the device of x.
            on_step: Called with every iterate; see `tla.attacks.Recorder`.

        Raises:
            ValueError: for images outside the box, an empty batch, a goal for another batch size, or a norm or goal
                that the attack does not support.
        """

    def check_supported(self, goal: Goal, threat: Threat) -> None:
        """Refuse a norm or goal that this attack does not support.

        Raises:
            ValueError: names the attack, what it supports, and what came.
        """
        name = type(self).__name__
        if threat.norm not in self.norms:
            raise ValueError(f"{name} supports {' and '.join(self.norms)}, got a threat in {threat.norm}")
        if not isinstance(goal, self.goals):
            kinds = " or ".join(kind.__name__ for kind in self.goals)
            raise ValueError(f"{name} supports the goal {kinds}, got {type(goal).__name__}")


ATTACKS: Registry[Attack] = Registry("attack", "tla.attacks")
Attack.registry = ATTACKS


def check_evaluates(where: str, attack: Attack) -> None:
    """Refuse an attack that is for training alone.

    Args:
        where: What it would be used for: "attack.suite.mine".
        attack: Any.

    Raises:
        ValueError: names it, and those that stay in the ball.
    """
    if not attack.evaluates:
        raise ValueError(
            f"{where}: {ATTACKS.name_of(attack)} leaves the ball, so it measures no robustness at eps and is for "
            "train.attack alone; use pgd, or fgsm or rfgsm for a single step"
        )


def evaluation_attacks() -> tuple[str, ...]:
    """Names of the registered attacks that stay in the ball: PGD first, the others sorted."""
    stay = (name for name in ATTACKS.names() if ATTACKS.get(name).evaluates)
    return tuple(sorted(stay, key=lambda name: (name != "pgd", name)))
