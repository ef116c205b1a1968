"""ViM, GEN, ReAct and SHE against pytorch-ood and against NumPy."""

import numpy as np
import pytest
import torch
from detector_contract import C, D, blobs

from tla.representation import DETECTORS
from tla.representation.detectors.base import last_layer
from tla.types import Outputs


@pytest.fixture
def layer():
    rng = torch.Generator().manual_seed(7)
    made = torch.nn.Linear(D, C)
    with torch.no_grad():
        made.weight.copy_(torch.randn(C, D, generator=rng))
        made.bias.copy_(torch.randn(C, generator=rng))
    return made


def seen(layer, seed, n, spread=1.0):
    """Embeddings with the logits of a layer with bias, and their classes."""
    (_, embedding), y = blobs(seed, n, spread)
    with torch.no_grad():
        return Outputs(layer(embedding), embedding), y


def test_the_last_layer_is_recovered(layer):
    training, _ = seen(layer, 0, 200)
    found = last_layer(training.embedding, training.logits)
    torch.testing.assert_close(found.weight, layer.weight.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.bias, layer.bias.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["vim", "react"])
def test_an_embedding_that_the_logits_do_not_come_from_is_refused(name, layer):
    training, y = seen(layer, 0, 200)
    elsewhere = torch.rand(200, D, generator=torch.Generator().manual_seed(1))
    with pytest.raises(ValueError, match=r"embedding must be the input of the network's last layer: .*R\^2 0\.\d\d"):
        DETECTORS.build(name).fit(elsewhere, training.logits, y)


@pytest.mark.peers
def test_vim_is_that_of_pytorch_ood(layer):
    peer = pytest.importorskip("pytorch_ood.detector").ViM(None, 2, layer.weight, layer.bias)
    (training, y), (test, _) = seen(layer, 0, 300), seen(layer, 1, 40, spread=2.0)
    expected = peer.fit_features(training.embedding, y).predict_features(test.embedding)
    score = DETECTORS.build("vim", dimensions=2).fit(training.embedding, training.logits, y)
    torch.testing.assert_close(score(test), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.peers
def test_she_is_that_of_pytorch_ood(layer):
    (training, _), (test, _) = seen(layer, 0, 300), seen(layer, 1, 40)
    y = training.logits.argmax(1).roll(0).clone()
    y[:60] = (y[:60] + 1) % C  # some that it gets wrong
    peer = pytest.importorskip("pytorch_ood.detector").SHE(None, layer)
    peer.encoder = lambda x: x
    expected = peer.fit_features(training.embedding, y).predict_features(test.embedding)
    score = DETECTORS.build("she").fit(training.embedding, training.logits, y)
    torch.testing.assert_close(score(test), expected.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("most", [2, 100])
def test_gen_is_its_formula(layer, most):
    test, _ = seen(layer, 1, 40)
    p = np.sort(test.logits.double().softmax(1).numpy(), axis=1)[:, ::-1][:, :most]
    score = DETECTORS.build("gen", most=most).fit(test.embedding, test.logits, torch.zeros(40, dtype=torch.long))
    np.testing.assert_allclose(score(test), (p**0.1 * (1 - p) ** 0.1).sum(1), rtol=1e-4)
    sure = Outputs(torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True), torch.zeros(1, D))
    value = score(sure)
    (gradient,) = torch.autograd.grad(value.sum(), sure.logits)
    assert value.isfinite().all()
    assert gradient.isfinite().all()


def test_react_clips_at_the_quantile(layer):
    (training, y), (test, _) = seen(layer, 0, 300), seen(layer, 1, 40, spread=3.0)
    score = DETECTORS.build("react", quantile=0.8).fit(training.embedding, training.logits, y)
    clipped = np.minimum(test.embedding.numpy(), np.quantile(training.embedding.numpy().astype(float), 0.8))
    logits = clipped @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(score(test), -np.log(np.exp(logits).sum(1)), rtol=1e-4)


def test_a_class_without_a_right_image_keeps_its_pattern(layer):
    training, _ = seen(layer, 0, 90)
    y = (training.logits.argmax(1) + 1) % C  # everybody is misclassified
    score = DETECTORS.build("she").fit(training.embedding, training.logits, y)
    expected = torch.stack([training.embedding[y == c].mean(0) for c in range(C)])
    torch.testing.assert_close(
        score(training), -(training.embedding * expected[training.logits.argmax(1)]).sum(1), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("vim", {"dimensions": 0}, "dimensions must be >= 1 .*, got 0"),
        ("gen", {"gamma": 0.0}, r"gamma must be in \(0, 1\], got 0.0"),
        ("gen", {"most": 0}, "most must be >= 1, got 0"),
        ("react", {"quantile": 1.0}, r"quantile must be in \(0, 1\), got 1.0"),
    ],
)
def test_settings_out_of_range(name, settings, text):
    with pytest.raises(ValueError, match=text):
        DETECTORS.build(name, **settings)


def test_vim_without_anything_outside(layer):
    training, y = seen(layer, 0, 200)
    with pytest.raises(ValueError, match="dimensions must be < 6, the rank of the training embeddings, got 6"):
        DETECTORS.build("vim", dimensions=6).fit(training.embedding, training.logits, y)
