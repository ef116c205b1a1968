"""Networks that work in place change neither the caller's images nor any result, in every entry."""

import pytest
import torch
from torch import nn

from tla.attacks import ATTACKS, Untargeted, evaluate
from tla.audit import run_audit
from tla.data import Images
from tla.models import as_classifier, sanity_check
from tla.representation import capture_layers, embed, layer_names
from tla.threat import Threat
from tla.training import METHODS, TrainConfig, train
from tla.types import Outputs

THREAT = Threat("linf", 0.1)


class Network(nn.Module):
    """The same function, written in place or not; in place it spoils its images and its embedding too."""

    def __init__(self, in_place: bool, ours: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(4, 3)
        self.act, self.in_place, self.ours = nn.ReLU(inplace=in_place), in_place, ours

    def forward(self, x):
        x = x.sub_(0.5).mul_(4) if self.in_place else (x - 0.5) * 4
        h = self.act(self.first(x)).mean((2, 3))
        logits = self.last(h)
        if self.in_place and not torch.is_grad_enabled():
            h.mul_(1) if self.ours else h.zero_()
        return Outputs(logits, h) if self.ours else logits


@pytest.fixture
def images():
    y = torch.arange(30) % 3
    x = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    x[:, 0, 2:4, 2:4] = (y / 2)[:, None, None]
    return x, y


def models(ours: bool):
    made = [Network(in_place, ours).eval() for in_place in (True, False)]
    return made if ours else [as_classifier(module, shape=(1, 8, 8)) for module in made]


def same(x: torch.Tensor, ours: bool, entry) -> None:
    """An entry gives the same for both networks, and leaves x as it is."""
    before = x.clone()
    found, expected = (entry(model) for model in models(ours))
    assert torch.equal(x, before)
    for mine, other in zip(found, expected, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("ours", [True, False])
def test_a_call(images, ours):
    if not ours:
        same(images[0], ours, lambda model: model(images[0]))


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("name", ["fgsm", "pgd", "mim"])
def test_attacks(images, ours, name):
    x, y = images

    def entry(model):
        source = torch.Generator().manual_seed(0)
        return ATTACKS.build(name)(model, x[:6], Untargeted(y[:6]), THREAT, generator=source)

    same(x, ours, entry)


@pytest.mark.parametrize("ours", [True, False])
def test_evaluation_embedding_layers_and_doubts(images, ours):
    x, y = images
    attacks = {"fgsm": ATTACKS.build("fgsm")}

    def table(model):
        frame = evaluate(model, x, y, attacks, THREAT, precision="fp32")
        return [torch.from_numpy(frame[column].to_numpy().copy()) for column in ("success", "distance", "value")]

    same(x, ours, table)
    same(x, ours, lambda model: embed(model, x))
    same(x, ours, lambda model: capture_layers(model, x, layer_names(model, x)).values())
    same(x, ours, lambda model: [torch.tensor(sanity_check(model, x, y, ("a", "b", "c")).clean)])


@pytest.mark.parametrize("ours", [True, False])
def test_the_audit(images, ours):
    x, y = images

    def audit(model):
        report = run_audit(model, x, y, THREAT, attack=ATTACKS.build("pgd", steps=3))
        assert not [verdict for verdict in report.verdicts if "Error" in verdict.evidence]
        return [torch.tensor([ord(letter) for verdict in report.verdicts for letter in verdict.evidence])]

    same(x, ours, audit)


@pytest.mark.parametrize("method", ["natural", "at", "tla"])
def test_training(images, method, tmp_path):
    x, y = images
    pixels = (x * 255).round().to(torch.uint8)
    data = Images(pixels, y, ("a", "b", "c"), torch.arange(30), "small", "train")
    before = pixels.clone()
    config = TrainConfig(epochs=2, batch=10, holdout=6, eps=0.1, precision="fp32")
    weights = []
    for in_place in (True, False):
        network = Network(in_place, ours=True).train()
        train(network, data, METHODS.build(method), config, seed=0, folder=tmp_path / str(in_place))
        weights.append([weight.detach().clone() for weight in network.parameters()])
    assert torch.equal(pixels, before)
    assert all(torch.equal(mine, other) for mine, other in zip(*weights, strict=True))
