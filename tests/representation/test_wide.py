"""More features than embeddings: the same numbers as with d x d matrices, in a small part of the time."""

import time

import pytest
import torch

from tla.representation import DETECTORS, Gallery, detection_frame, measure
from tla.representation.collapse import collapse_statistics
from tla.representation.detectors.gaussian import whiten
from tla.representation.structure import spectrum
from tla.types import Outputs


def cloud(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).float()


def test_the_spectrum_is_that_of_the_covariance():
    values = cloud(20, 50).double() * torch.linspace(0.1, 2, 50)
    centred = values - values.mean(0)
    found = torch.linalg.eigh(centred.mT @ centred / 20)
    size = found.eigenvalues.clamp_min(0)
    p = size / size.sum()
    entropy = torch.special.entr(p).sum()
    slope = torch.where(p > 1e-12, -(p.clamp_min(1e-300).log() + entropy) / size.sum(), 0)
    expected = entropy.exp() * ((centred @ found.eigenvectors).square() @ slope)
    wide = spectrum(values)
    assert wide.rank == pytest.approx(float(entropy.exp()), rel=1e-9)
    torch.testing.assert_close(wide.influence, expected, rtol=1e-7, atol=1e-9)
    assert collapse_statistics(values, torch.arange(20) % 2).effective_rank == pytest.approx(wide.rank, rel=1e-9)


def test_the_low_rank_whitening_gives_mahalanobis_distances():
    embedding, y = cloud(24, 60), torch.arange(24) % 3
    fitted = whiten(embedding, y, 3, 1e-3)
    means = torch.stack([embedding[y == c].double().mean(0) for c in range(3)])
    centred = embedding.double() - means[y]
    covariance = centred.mT @ centred / 24
    covariance += 1e-3 * covariance.diagonal().mean() * torch.eye(60, dtype=torch.float64)
    queries = cloud(7, 60, seed=1)
    off = queries.double()[:, None] - means
    expected = torch.einsum("bcd,de,bce->bc", off, covariance.inverse(), off)
    torch.testing.assert_close(fitted.squared(queries).double(), expected, rtol=1e-4, atol=0)
    assert fitted.log_volume == pytest.approx(float(torch.logdet(2 * torch.pi * covariance)) / 2, rel=1e-9)


def test_wide_embeddings_are_measured_in_seconds():
    """80 rows of 3,000 columns once took 68 s."""
    clean, logits, y = cloud(80, 3000), cloud(80, 4, seed=2), torch.arange(80) % 4
    moved = Outputs(logits.roll(1, 1), clean + 0.3 * cloud(80, 3000, seed=3))
    started = time.perf_counter()
    measure(Outputs(logits, clean), moved, y, Gallery(clean, y))
    scores = {name: DETECTORS.build(name).fit(clean, logits, y) for name in ("gaussian", "mahalanobis")}
    frame = detection_frame(scores, Outputs(logits, clean), moved, y)
    assert time.perf_counter() - started < 20
    assert frame["score"].notna().all()
