"""Random search with squares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.extras import require

NAMES = {"linf": "Linf", "l2": "L2", "l1": "L1"}


@ATTACKS.register("square")
@dataclass(frozen=True, kw_only=True)
class Square(ExternalAttack):
    """Random search with square perturbations: needs logits, no gradient (Andriushchenko et al. 2020; pyautoattack).

    Images that survive are returned clean. `on_step` is not called.

    Args:
        queries: Forward passes per image and restart, >= 1.
        restarts: Searches per image; only survivors are searched again.

    Raises:
        ValueError: for queries or restarts below 1.
        ModuleNotFoundError: without pyautoattack; says how to install it.
    """

    quick: ClassVar[Mapping[str, Any]] = {"queries": 100}

    queries: int = 5000
    restarts: int = 1

    def __post_init__(self) -> None:
        for name in ("queries", "restarts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        check_size(problem)
        library = require("pyautoattack.square", "Square")
        attack = library.SquareAttack(
            problem.model,
            norm=NAMES[problem.norm],
            n_queries=self.queries,
            eps=problem.eps,
            n_restarts=self.restarts,
            seed=problem.seed,
            targeted=problem.targeted,
            loss="ce" if problem.targeted else "margin",
            resc_schedule=False,
            device=problem.x.device,
        )
        return attack.perturb(problem.x, problem.labels)


def check_size(problem: Problem) -> None:
    """Refuse pictures that the L2 and L1 versions cannot divide into squares."""
    height, width = problem.x.shape[2:]
    if problem.norm != "linf" and min(height, width) < 5:
        raise ValueError(f"square needs pictures of at least 5 x 5 pixels in {problem.norm}, got {height} x {width}")
