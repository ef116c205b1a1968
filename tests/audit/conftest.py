"""A sound model on digits, trained once, and the images to audit it on."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tla.attacks.goals import Untargeted
from tla.attacks.pgd import PGD
from tla.data import SOURCES
from tla.models import MODELS
from tla.models.base import build_model
from tla.models.network.classifier import Classifier
from tla.seeding import generator
from tla.threat import Threat

EPS = 0.1


class Digits(NamedTuple):
    x: Tensor
    y: Tensor


def trained(eps: float, epochs: int, seed: int = 0, batch: int = 128) -> Classifier:
    """A small network, PGD-trained at `eps` (not attacked at all where that is 0)."""
    images = SOURCES.build("digits").load().train
    x, y, source = images.floats(), images.labels, generator(seed, "test")
    model = build_model(MODELS.build("small_cnn", width=16, embedding=64), images.shape, 10, seed)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    rounds = epochs * (len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=rounds + 1)
    for number in range(rounds):
        rows = torch.randint(len(x), (batch,), generator=source)
        inputs = x[rows]
        if eps:
            ball = Threat("linf", min(eps, 2 * eps * (number + 1) / rounds))
            attack = PGD(steps=2, step_size=eps, loss="ce", pursuit="last_step")
            inputs = attack(model, inputs, Untargeted(y[rows]), ball, generator=source).adversarial
        loss = cross_entropy(model(inputs).logits, y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.zero_grad()
    return model.eval()


@pytest.fixture(scope="session")
def sound() -> Classifier:
    return trained(eps=0.2, epochs=30)


@pytest.fixture(scope="session")
def natural() -> Classifier:
    return trained(eps=0.0, epochs=8, seed=1)


@pytest.fixture(scope="session")
def digits() -> Digits:
    images = SOURCES.build("digits").load().test
    return Digits(images.floats(), images.labels)


@pytest.fixture
def threat() -> Threat:
    return Threat("linf", EPS)
