"""The contract accepts a short new detector and rejects faulty ones with advice."""

from dataclasses import dataclass

import pytest
import torch
from detector_contract import check_detector

from tla.representation.detectors.base import DETECTORS, Detector, check_training


@pytest.fixture
def registered(monkeypatch):
    """Register a detector for one test."""
    DETECTORS.names()
    monkeypatch.setattr(DETECTORS, "_items", dict(DETECTORS._items))
    return lambda cls: DETECTORS.register("new")(cls)


@dataclass(frozen=True, kw_only=True)
class NearestMean(Detector):
    """Distance to the nearest class mean.

    Args:
        power: Exponent of the distance, > 0.
    """

    power: float = 1.0

    def fit(self, embedding, logits, y, search=None):
        """See `Detector.fit`."""
        check_training(embedding, logits, y)
        means = torch.stack([embedding[y == c].mean(0) for c in range(logits.shape[1])])
        return lambda outputs: torch.cdist(outputs.embedding.float(), means).amin(1) ** self.power


class Unexplained(NearestMean):
    """The setting is not explained."""


class Negated(NearestMean):
    __doc__ = NearestMean.__doc__

    def fit(self, *training):
        score = super().fit(*training)
        return lambda outputs: -score(outputs)


class Detached(NearestMean):
    __doc__ = NearestMean.__doc__

    def fit(self, *training):
        score = super().fit(*training)
        return lambda outputs: score(outputs).detach()


class BatchDependent(NearestMean):
    __doc__ = NearestMean.__doc__

    def fit(self, *training):
        score = super().fit(*training)
        return lambda outputs: score(outputs) - score(outputs).mean()


class Careless(NearestMean):
    __doc__ = NearestMean.__doc__

    def fit(self, embedding, logits, y, search=None):
        means = torch.stack([embedding[y == c].mean(0) for c in range(logits.shape[1])])
        return lambda outputs: torch.cdist(outputs.embedding, means).amin(1)


def test_a_short_new_detector_passes(registered):
    registered(NearestMean)
    check_detector("new")


@pytest.mark.parametrize(
    ("faulty", "advice"),
    [
        (Unexplained, "explain power under Args"),
        (Negated, "is it negated"),
        (Detached, "must be differentiable"),
        (BatchDependent, "scores depend on the batch"),
        (Careless, "call check_training"),
    ],
)
def test_a_faulty_detector_is_rejected_with_advice(faulty, advice, registered):
    registered(faulty)
    with pytest.raises(AssertionError, match=advice):
        check_detector("new")
