"""The reference ensemble."""

import logging
from dataclasses import dataclass, replace
from types import ModuleType
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.square import check_size
from tla.extras import require
from tla.precision import Precision, autocast, is_bf16
from tla.threat import Norm

NAMES: dict[Norm, str] = {"linf": "Linf", "l2": "L2", "l1": "L1"}


class InBf16(nn.Module):
    """A model that computes in bfloat16 and answers in float32."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Logits, in float32."""
        with autocast(x.device, "bf16"):
            return self.model(x)


@ATTACKS.register("autoattack")
@dataclass(frozen=True, kw_only=True)
class AutoAttack(ExternalAttack):
    """APGD-CE, APGD-T, FAB-T and Square, one after the other on survivors (Croce & Hein 2020; pyautoattack).

    Targeted attacks try min(9, classes - 1) classes; with fewer than 4 classes APGD-T, which needs 4, is left out.
    Images that survive come back clean. `on_step` is not called.

    Args:
        version: "standard", "plus" (more attacks, 5 restarts), or "rand" (for randomised defences).
        batch: Images per forward pass.
        precision: Of the network while AutoAttack searches. "bf16" is 3 to 4 times as fast on a CPU that has it; images
            that left the search though float32 does not call them misclassified are attacked again in float32. "auto"
            takes bf16 where the hardware has it.

    Raises:
        ValueError: for a batch below 1, an unknown precision, or, when called, for a goal other than `Untargeted`.
        ModuleNotFoundError: without pyautoattack; says how to get it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("linf", "l2", "l1")
    targets: ClassVar[bool] = False

    version: Literal["standard", "plus", "rand"] = "standard"
    batch: int = 250
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch must be >= 1, got {self.batch}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        check_size(problem)
        library = require("pyautoattack", "AutoAttack")
        if not is_bf16(problem.x.device, self.precision):
            return self._search(library, problem, problem.model)
        half = InBf16(problem.model)
        made = self._search(library, problem, half)
        with torch.no_grad():
            left = (made != problem.x).flatten(1).any(1) | (half(made).argmax(1) != problem.labels)
            wrongly = (left & (problem.model(made).argmax(1) == problem.labels)).nonzero()[:, 0]
        if len(wrongly):
            again = replace(problem, x=problem.x[wrongly], labels=problem.labels[wrongly])
            made[wrongly] = self._search(library, again, problem.model)
        return made

    def _search(self, library: ModuleType, problem: Problem, model: nn.Module) -> Tensor:
        attack = library.AutoAttack(
            model,
            norm=NAMES[problem.norm],
            eps=problem.eps,
            seed=problem.seed,
            version=self.version,
            device=problem.x.device,
        )
        attack.verbose = False
        attack.logger = logging.getLogger("tla.autoattack")
        with torch.no_grad():
            classes = problem.model(problem.x[:1]).shape[1]
        attack.apgd_targeted.n_target_classes = min(attack.apgd_targeted.n_target_classes, classes - 1)
        attack.fab.n_target_classes = min(attack.fab.n_target_classes, classes - 1)
        if classes < 4:
            attack.attacks_to_run = [name for name in attack.attacks_to_run if name not in ("apgd-t", "apgd-dlr")]
        return attack.run_standard_evaluation(problem.x, problem.labels, batch_size=self.batch)[0]
