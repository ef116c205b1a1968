"""Training methods, one per file: which images are attacked, and which loss is taken."""

from tla.training.methods.base import METHODS, Method, Terms

__all__ = ["METHODS", "Method", "Terms"]
