"""What an attack tries to achieve: a value to climb, and whether the goal is reached."""

from tla.attacks.goals.base import SURROGATES, Goal, Surrogate
from tla.attacks.goals.classification import Targeted, Toward, Untargeted
from tla.attacks.goals.embedding import CollideWithEmbedding, EvadeDetector, LeaveEmbedding, Score

__all__ = [
    "SURROGATES",
    "CollideWithEmbedding",
    "EvadeDetector",
    "Goal",
    "LeaveEmbedding",
    "Score",
    "Surrogate",
    "Targeted",
    "Toward",
    "Untargeted",
]
