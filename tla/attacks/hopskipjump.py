"""A black-box attack that sees only decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from tla.attacks.base import ATTACKS, Reach
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.external.starts import find_starts
from tla.attacks.goals import Goal, Untargeted
from tla.extras import require
from tla.threat import Norm


@ATTACKS.register("hopskipjump")
@dataclass(frozen=True, kw_only=True)
class HopSkipJump(ExternalAttack):
    """The smallest perturbation from decisions alone, along the class boundary (Chen et al. 2020; foolbox).

    Searches start from another image of the batch that the model puts into another class, else from noise; an image
    with neither is returned clean. It ignores eps: a larger perturbation is projected onto the ball, and may fail
    there. `on_step` is not called.

    Args:
        steps: Steps along the boundary, >= 1.
        first_samples: Forward passes for the first gradient estimate, >= 1; grows with the square root of the step.
        most_samples: Maximum number of forward passes per gradient estimate, >= first_samples.

    Raises:
        ValueError: for a number below its limit, a targeted goal, or a threat in l1.
        ModuleNotFoundError: without foolbox; says how to install it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("linf", "l2")
    goals: ClassVar[tuple[type[Goal], ...]] = (Untargeted,)
    reach: ClassVar[Reach] = "chance"
    quick: ClassVar[Mapping[str, Any]] = {"steps": 6}

    steps: int = 32
    first_samples: int = 100
    most_samples: int = 10000

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("first_samples", 1), ("most_samples", self.first_samples)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be >= {least}, got {getattr(self, name)}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        foolbox = require("foolbox", "HopSkipJump")
        generator = torch.Generator(problem.x.device).manual_seed(problem.seed)
        starts, found = find_starts(problem, generator)
        adversarial = problem.x.clone()
        if not bool(found.any()):
            return adversarial
        torch.default_generator.manual_seed(problem.seed)
        attack = foolbox.attacks.HopSkipJumpAttack(
            steps=self.steps,
            initial_gradient_eval_steps=self.first_samples,
            max_gradient_eval_steps=self.most_samples,
            constraint=problem.norm,
        )
        model = foolbox.PyTorchModel(problem.model.eval(), bounds=(0, 1), device=problem.x.device)
        criterion = foolbox.Misclassification(problem.labels[found])
        adversarial[found] = attack.run(model, problem.x[found], criterion, starting_points=starts[found])
        return adversarial
