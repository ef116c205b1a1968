"""Attacks, one per file; their goals, the search that they share, and evaluation over many images."""

from tla.attacks.apgd import APGD
from tla.attacks.base import ATTACKS, Attack, AttackResult
from tla.attacks.bim import BIM
from tla.attacks.cw import CW
from tla.attacks.ensemble import Ensemble
from tla.attacks.evaluation.batches import Shard
from tla.attacks.evaluation.cache import CacheFolder
from tla.attacks.evaluation.evaluate import EvaluationInterrupted, EvaluationProgress, Kept, evaluate
from tla.attacks.evaluation.table import joined
from tla.attacks.evaluation.transfer import TransferProgress, transfer, transfer_matrix
from tla.attacks.fgsm import FGSM
from tla.attacks.goals import CollideWithEmbedding, EvadeDetector, Goal, LeaveEmbedding, Targeted, Untargeted
from tla.attacks.mim import MIM
from tla.attacks.pgd import PGD
from tla.attacks.search.recorder import Recorder, Trajectory

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
    "BIM",
    "CW",
    "Ensemble",
    "FGSM",
    "MIM",
    "PGD",
    "Recorder",
    "Trajectory",
    "evaluate",
    "EvaluationInterrupted",
    "Kept",
    "CacheFolder",
    "EvaluationProgress",
    "Shard",
    "joined",
    "TransferProgress",
    "transfer",
    "transfer_matrix",
]
