"""The reference ensemble."""

import logging
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.foreign import Foreign, Loan
from tla.attacks.square import check_size
from tla.extras import require
from tla.threat import Norm

NAMES: dict[Norm, str] = {"linf": "Linf", "l2": "L2", "l1": "L1"}


@ATTACKS.register("autoattack")
@dataclass(frozen=True, kw_only=True)
class AutoAttack(Foreign):
    """APGD-CE, APGD-T, FAB-T and Square, one after the other on survivors (Croce & Hein 2020; pyautoattack).

    Targeted attacks try min(9, classes - 1) classes; with fewer than 4 classes APGD-T, which needs 4, is left out.
    Images that survive come back clean. `on_step` is not called.

    Args:
        version: "standard", "plus" (more attacks, 5 restarts), or "rand" (for randomised defences).
        batch: Images per forward pass.

    Raises:
        ValueError: for a batch below 1, or, when called, for a goal other than `Untargeted`.
        ModuleNotFoundError: without pyautoattack; says how to get it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("linf", "l2", "l1")
    targets: ClassVar[bool] = False

    version: Literal["standard", "plus", "rand"] = "standard"
    batch: int = 250

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch must be >= 1, got {self.batch}")

    def run(self, loan: Loan) -> Tensor:
        """Adversarial images."""
        check_size(loan)
        library = require("pyautoattack", "AutoAttack")
        attack = library.AutoAttack(
            loan.model, norm=NAMES[loan.norm], eps=loan.eps, seed=loan.seed, version=self.version, device=loan.x.device
        )
        attack.verbose = False
        attack.logger = logging.getLogger("tla.autoattack")
        with torch.no_grad():
            classes = loan.model(loan.x[:1]).shape[1]
        attack.apgd_targeted.n_target_classes = min(attack.apgd_targeted.n_target_classes, classes - 1)
        attack.fab.n_target_classes = min(attack.fab.n_target_classes, classes - 1)
        if classes < 4:
            attack.attacks_to_run = [name for name in attack.attacks_to_run if name not in ("apgd-t", "apgd-dlr")]
        return attack.run_standard_evaluation(loan.x, loan.labels, batch_size=self.batch)[0]
