"""Backbones, one per file; the classifier that wraps them; models from outside; looking inside."""

from tla.models.adapt import as_classifier
from tla.models.base import MODELS, Backbone, build_model
from tla.models.classifier import Classifier
from tla.models.layers import listening
from tla.models.mode import evaluating
from tla.models.user import load_user_model

__all__ = [
    "MODELS",
    "Backbone",
    "Classifier",
    "as_classifier",
    "build_model",
    "evaluating",
    "listening",
    "load_user_model",
]
