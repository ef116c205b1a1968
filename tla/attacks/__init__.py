"""Attacks, one per file; the loop that they share; goals; a recorder; evaluation over many images."""

from tla.attacks.base import ATTACKS, Attack, AttackResult
from tla.attacks.evaluate import evaluate
from tla.attacks.goals import Goal, Targeted, Untargeted
from tla.attacks.pgd import PGD
from tla.attacks.recorder import Recorder, Trajectory

__all__ = [
    "ATTACKS",
    "Attack",
    "AttackResult",
    "Goal",
    "Untargeted",
    "Targeted",
    "PGD",
    "Recorder",
    "Trajectory",
    "evaluate",
]
