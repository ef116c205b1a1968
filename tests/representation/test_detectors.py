import math

import numpy as np
import pytest
import torch
from detector_contract import DETECTOR_CHECKS, C, D, blobs
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from tla.nearest import nearest
from tla.representation import DETECTORS, detection_frame
from tla.representation.detectors import base, gaussian
from tla.statistics import sides
from tla.types import Outputs


@pytest.fixture
def training():
    return blobs(0, 300)


@pytest.mark.parametrize("name", DETECTORS.names())
@pytest.mark.parametrize("holds", DETECTOR_CHECKS, ids=lambda holds: holds.__name__)
def test_contract(name, holds):
    holds(name)


def test_unfit_training_data_are_named(training):
    outputs, y = training
    broken = outputs.embedding.clone()
    broken[0, 0] = torch.inf
    with pytest.raises(ValueError, match="embedding must be finite, got 1 of 300 rows"):
        DETECTORS.build("gaussian").fit(broken, outputs.logits, y)
    with pytest.raises(ValueError, match=r"y must lie in 0..2, got 0..9"):
        DETECTORS.build("gaussian").fit(outputs.embedding, outputs.logits, y.index_fill(0, y[:1], 9))


def covariance_of(outputs, y):
    centred = np.concatenate([(e := outputs.embedding[y == c].double().numpy()) - e.mean(0) for c in range(C)])
    return centred.T @ centred / len(centred)


def test_gaussian_is_scipys_density(training):
    outputs, y = training
    score = DETECTORS.build("gaussian", floor=0.01).fit(outputs.embedding, outputs.logits, y)
    covariance = covariance_of(outputs, y)
    covariance += 0.01 * np.diag(covariance).mean() * np.eye(D)
    test, _ = blobs(1, 20)
    expected = [
        -multivariate_normal(outputs.embedding[y == c].double().numpy().mean(0), covariance).logpdf(e)
        for e, c in zip(test.embedding.double().numpy(), test.logits.argmax(1), strict=True)
    ]
    np.testing.assert_allclose(score(test), expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["gaussian", "gaussian_diagonal", "mahalanobis", "she"])
def test_sums_over_blocks_of_rows_are_those_over_all(name, training, monkeypatch):
    def scores():
        gallery, y = training
        return DETECTORS.build(name).fit(gallery.embedding, gallery.logits, y)(gallery)

    whole = scores()
    for module in (base, gaussian):
        monkeypatch.setattr(module, "BLOCK", 7)
    torch.testing.assert_close(scores(), whole, rtol=1e-4, atol=1e-4)


def test_diagonal_gaussian_is_scipys_density(training):
    outputs, y = training
    score = DETECTORS.build("gaussian_diagonal", floor=0.01).fit(outputs.embedding, outputs.logits, y)
    variance = np.stack([outputs.embedding[y == c].double().numpy().var(0) for c in range(C)])
    variance += 0.01 * variance.mean()
    test, _ = blobs(1, 20)
    expected = [
        -multivariate_normal(outputs.embedding[y == c].double().numpy().mean(0), np.diag(variance[c])).logpdf(e)
        for e, c in zip(test.embedding.double().numpy(), test.logits.argmax(1), strict=True)
    ]
    np.testing.assert_allclose(score(test), expected, rtol=1e-4)


def test_mixture_is_scikit_learns(training):
    outputs, y = training
    score = DETECTORS.build("mixture", components=2, floor=0.01).fit(outputs.embedding, outputs.logits, y)
    spread = np.mean([outputs.embedding[y == c].double().numpy().var(0).mean() for c in range(C)])
    test, _ = blobs(1, 20)
    for c in range(C):
        rows = test.logits.argmax(1) == c
        peer = GaussianMixture(2, covariance_type="diag", reg_covar=0.01 * spread, random_state=0)
        peer.fit(outputs.embedding[y == c].double().numpy())
        expected = -peer.score_samples(test.embedding[rows].double().numpy())
        found = score(Outputs(test.logits[rows], test.embedding[rows]))
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_mahalanobis_is_the_smallest_quadratic_form(training):
    outputs, y = training
    score = DETECTORS.build("mahalanobis", floor=0.01).fit(outputs.embedding, outputs.logits, y)
    covariance = covariance_of(outputs, y)
    inverse = np.linalg.inv(covariance + 0.01 * np.diag(covariance).mean() * np.eye(D))
    test, _ = blobs(1, 20)
    offs = [test.embedding.double().numpy() - outputs.embedding[y == c].double().numpy().mean(0) for c in range(C)]
    expected = np.min([np.einsum("nd,de,ne->n", off, inverse, off) for off in offs], 0)
    np.testing.assert_allclose(score(test), expected, rtol=1e-4)


def test_knn_is_scikit_learns_and_takes_a_search(training):
    outputs, y = training
    test, _ = blobs(1, 20)
    peer = NearestNeighbors(n_neighbors=7, metric="cosine").fit(outputs.embedding.numpy())
    expected = peer.kneighbors(test.embedding.numpy())[0][:, -1]
    asked = []

    def search(queries, k):
        asked.append(k)
        return nearest(queries, outputs.embedding, k).position

    for given in (None, search):
        score = DETECTORS.build("knn", k=7).fit(outputs.embedding, outputs.logits, y, given)
        np.testing.assert_allclose(score(test), expected, atol=1e-6)
    assert asked == [7]


def test_lid_finds_the_dimension_of_a_cloud():
    """Uniform points of a d-dimensional cube have local dimension d, even when the cube is in a larger space."""
    rng = torch.Generator().manual_seed(0)
    for d in (2, 5):
        cloud = torch.nn.functional.pad(torch.rand(4000, d, generator=rng), (0, 8 - d))
        logits, y = torch.zeros(4000, 2), torch.zeros(4000, dtype=torch.long)
        score = DETECTORS.build("lid", k=100).fit(cloud, logits, y)
        inside = torch.nn.functional.pad(0.3 + 0.4 * torch.rand(100, d, generator=rng), (0, 8 - d))
        assert float(score(Outputs(torch.zeros(100, 2), inside)).mean()) == pytest.approx(d, rel=0.1)


def test_scores_of_logits_by_hand():
    outputs = Outputs(torch.tensor([[0.0, math.log(3.0)]]), torch.zeros(1, 1))
    y = torch.tensor([0])
    for name, expected in [("max_softmax", -math.log(3)), ("max_logit", -math.log(3)), ("energy", -math.log(4))]:
        score = DETECTORS.build(name).fit(outputs.embedding, outputs.logits, y)(outputs)
        assert float(score) == pytest.approx(expected, rel=1e-6)
    cold = DETECTORS.build("energy", temperature=2.0).fit(outputs.embedding, outputs.logits, y)(outputs)
    assert float(cold) == pytest.approx(-2 * math.log(1 + math.sqrt(3)))


def test_confident_images_do_not_tie():
    logits = torch.tensor([[40.0, 0.0], [50.0, 0.0]])
    assert (logits.softmax(1).amax(1) == 1).all()
    score = DETECTORS.build("max_softmax").fit(logits, logits, torch.tensor([0, 0]))
    assert score(Outputs(logits, logits)).tolist() == [-40, -50]


def test_dead_features_do_not_break_the_gaussians(training):
    outputs, y = training
    dead = torch.nn.functional.pad(outputs.embedding, (0, 2))
    alive = torch.nn.functional.pad(outputs.embedding[:1], (0, 2), value=1.0)
    for name in ("gaussian", "gaussian_diagonal", "mixture", "mahalanobis"):
        score = DETECTORS.build(name).fit(dead, outputs.logits, y)
        before, after = score(Outputs(outputs.logits[:1], dead[:1])), score(Outputs(outputs.logits[:1], alive))
        assert after.isfinite().all()
        assert after > before


def test_too_little_to_learn_from(training):
    outputs, y = training
    one = torch.tensor([0, 3, 1, 4, 2])
    few = outputs.embedding[one], outputs.logits[one], y[one]
    with pytest.raises(ValueError, match=r"every class needs at least 2 training embeddings, classes \[2\] have fewer"):
        DETECTORS.build("gaussian_diagonal").fit(*few)
    with pytest.raises(ValueError, match=r"k must be <= 5 \(the training embeddings\), got 10"):
        DETECTORS.build("knn").fit(*few)
    same = torch.ones_like(outputs.embedding)
    for name in ("gaussian", "gaussian_diagonal", "mixture", "mahalanobis"):
        with pytest.raises(ValueError, match="embedding must vary within its classes"):
            DETECTORS.build(name).fit(same, outputs.logits, y)


@pytest.mark.parametrize(
    ("name", "setting", "text"),
    [
        ("knn", {"k": 0}, "k must be >= 1, got 0"),
        ("lid", {"k": 1}, "k must be >= 2, got 1"),
        ("mixture", {"components": 0}, "components must be >= 1, got 0"),
        ("energy", {"temperature": 0}, "temperature must be > 0, got 0.0"),
        ("gaussian", {"flor": 1}, "gaussian.*flor: unknown key.*did you mean 'floor'"),
    ],
)
def test_settings_that_make_no_sense(name, setting, text):
    with pytest.raises(ValueError, match=text):
        DETECTORS.build(name, **setting)


def test_detection_frame(training):
    outputs, y = training
    scores = {name: DETECTORS.build(name).fit(outputs.embedding, outputs.logits, y) for name in ("knn", "max_logit")}
    clean, labels = blobs(1, 9)
    attacked, _ = blobs(2, 9, spread=3)
    frame = detection_frame(scores, clean, attacked, labels, ids=torch.arange(50, 59), adaptive=True)
    assert list(frame) == ["detector", "adaptive", "kind", "id", "y", "prediction", "score"]
    assert len(frame) == 2 * 2 * 9
    assert frame["adaptive"].all()
    part = frame[(frame["detector"] == "max_logit") & (frame["kind"] == "adversarial")]
    assert part["score"].tolist() == (-attacked.logits.amax(1)).tolist()
    assert part["id"].tolist() == list(range(50, 59))
    wrong = int((attacked.logits.argmax(1) != labels).sum())
    assert len(sides(part).positive) == wrong > 0
    with pytest.raises(ValueError, match=r"logits must have shape \(9, classes >= 2\), got \(8, 3\)"):
        detection_frame(scores, clean, Outputs(attacked.logits[:8], attacked.embedding[:8]), labels)


@pytest.mark.parametrize("name", DETECTORS.names())
def test_a_table_is_scored_in_batches(name, training, monkeypatch):
    """Memory is bounded: no detector sees more than ROWS images at once, and the scores are the same."""
    outputs, y = training
    score = DETECTORS.build(name).fit(outputs.embedding, outputs.logits, y)
    seen = []

    def watched(batch):
        seen.append(len(batch.embedding))
        return score(batch)

    monkeypatch.setattr("tla.representation.detection.ROWS", 7)
    test, test_y = blobs(1, 20)
    frame = detection_frame({name: watched}, test, test, test_y)
    assert seen == [7, 7, 6, 7, 7, 6]
    np.testing.assert_allclose(frame["score"], score(test).repeat(2), rtol=1e-4, atol=1e-4)
