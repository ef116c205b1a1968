"""Backbones, one per file, and the classifier that wraps them."""

from tla.models.base import MODELS, Backbone
from tla.models.classifier import Classifier

__all__ = ["MODELS", "Backbone", "Classifier"]
