"""Attacks, one per file; the loop that they share; goals; a recorder; evaluation over many images."""

from tla.attacks.apgd import APGD
from tla.attacks.base import ATTACKS, Attack, AttackResult
from tla.attacks.ensemble import Ensemble
from tla.attacks.evaluate import EvaluationInterrupted, Kept, Progress, evaluate
from tla.attacks.fgsm import FGSM
from tla.attacks.goals import Goal, Targeted, Untargeted
from tla.attacks.parts import PartFolder
from tla.attacks.pgd import PGD
from tla.attacks.recorder import Recorder, Trajectory
from tla.attacks.representation import CollideWithEmbedding, EvadeDetector, LeaveEmbedding
from tla.attacks.summary import joined, summarise, wilson
from tla.attacks.transfer import transfer, transfer_matrix
from tla.attacks.work import Shard

__all__ = [
    "ATTACKS",
    "Attack",
    "AttackResult",
    "Goal",
    "Untargeted",
    "Targeted",
    "LeaveEmbedding",
    "CollideWithEmbedding",
    "EvadeDetector",
    "APGD",
    "Ensemble",
    "FGSM",
    "PGD",
    "Recorder",
    "Trajectory",
    "evaluate",
    "EvaluationInterrupted",
    "Kept",
    "PartFolder",
    "Progress",
    "Shard",
    "joined",
    "summarise",
    "transfer",
    "transfer_matrix",
    "wilson",
]
