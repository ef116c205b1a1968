"""Losses, one per file, and the mining of their triplets."""

from tla.losses.base import LOSSES, Loss, LossValue, Triplets, Views

__all__ = ["LOSSES", "Loss", "LossValue", "Triplets", "Views"]
