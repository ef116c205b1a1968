"""A small network trained on the digits."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from tla.attacks import PGD, Untargeted
from tla.data import SOURCES
from tla.models import MODELS
from tla.seeding import generator
from tla.threat import Threat


class Trained(NamedTuple):
    """A network and images that it has not seen."""

    model: nn.Module
    x: Tensor
    y: Tensor


@pytest.fixture(scope="session")
def digits() -> Trained:
    """A small network, trained a little against PGD-5 at eps 0.1, so that attacks differ; 200 test images."""
    splits = SOURCES.build("digits").load()
    x, y = splits.train.floats(), splits.train.labels
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build("small_cnn", width=8, embedding=32).build(splits.train.shape, 10)
    source, attack = generator(0, "order"), PGD(steps=5, step_size=0.04, pursuit="last_step")
    optimiser = torch.optim.Adam(model.parameters(), 4e-3)
    for _ in range(8):
        for rows in torch.randperm(len(x), generator=source).split(100):
            adversarial = attack(model, x[rows], Untargeted(y[rows]), Threat("linf", 0.1), generator=source).adversarial
            loss = nn.functional.cross_entropy(model(adversarial).logits, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return Trained(model.eval(), splits.test.floats()[:200], splits.test.labels[:200])
