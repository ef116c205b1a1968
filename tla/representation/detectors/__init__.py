"""Detection scores, one per file: how suspicious is an embedding, or an output?"""

from tla.representation.detectors.base import DETECTORS, Detector, Score

__all__ = ["DETECTORS", "Detector", "Score"]
