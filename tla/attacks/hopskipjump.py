"""A black box that gives nothing but its decision."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.external.starts import find_starts
from tla.extras import require
from tla.threat import Norm


@ATTACKS.register("hopskipjump")
@dataclass(frozen=True, kw_only=True)
class HopSkipJump(ExternalAttack):
    """The smallest change that decisions alone can find, along the boundary (Chen et al. 2020; foolbox).

    Searches start from another image of the batch that the model puts into another class, else from noise; an image
    for which there is neither is left alone. It does not know the threat's eps: a change that needs more is pulled
    back, and fails. `on_step` is not called.

    Args:
        steps: Steps along the boundary, >= 1.
        first_samples: Forward passes per gradient estimate at first, >= 1; they grow with the square root of the step.
        most_samples: Forward passes per gradient estimate at most, >= first_samples.

    Raises:
        ValueError: for a number below its limit, a targeted goal, or a threat in l1.
        ModuleNotFoundError: without foolbox; says how to get it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("linf", "l2")
    targets: ClassVar[bool] = False

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
        source = torch.Generator(problem.x.device).manual_seed(problem.seed)
        starts, able = find_starts(problem, source)
        made = problem.x.clone()
        if not bool(able.any()):
            return made
        torch.default_generator.manual_seed(problem.seed)
        attack = foolbox.attacks.HopSkipJumpAttack(
            steps=self.steps,
            initial_gradient_eval_steps=self.first_samples,
            max_gradient_eval_steps=self.most_samples,
            constraint=problem.norm,
        )
        model = foolbox.PyTorchModel(problem.model.eval(), bounds=(0, 1), device=problem.x.device)
        criterion = foolbox.Misclassification(problem.labels[able])
        made[able] = attack.run(model, problem.x[able], criterion, starting_points=starts[able])
        return made
