"""Backbones, one per file; the classifier that wraps them; external models; access to layers."""

from tla.models.base import MODELS, Backbone, build_model
from tla.models.external.adapt import as_classifier
from tla.models.external.given import GivenModel, read_given
from tla.models.external.sanity import SanityCheck, sanity_check
from tla.models.external.start import Start, start_from
from tla.models.external.user import load_user_model
from tla.models.network.classifier import Classifier
from tla.models.network.layers import listening
from tla.models.network.mode import evaluating

__all__ = [
    "MODELS",
    "Backbone",
    "Classifier",
    "GivenModel",
    "SanityCheck",
    "Start",
    "as_classifier",
    "build_model",
    "evaluating",
    "listening",
    "load_user_model",
    "read_given",
    "sanity_check",
    "start_from",
]
