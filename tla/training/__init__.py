"""Training: methods, the loop, checkpoints."""

from tla.training.checkpoint import SavedModel, load_model, save_model
from tla.training.config import TrainConfig
from tla.training.engine import Engine, open_engine
from tla.training.loop import CollapsedError, DivergedError, TrainingProgress, TrainResult, train
from tla.training.methods import METHODS, Method

__all__ = [
    "METHODS",
    "CollapsedError",
    "DivergedError",
    "Engine",
    "Method",
    "TrainingProgress",
    "SavedModel",
    "TrainConfig",
    "TrainResult",
    "load_model",
    "open_engine",
    "save_model",
    "train",
]
