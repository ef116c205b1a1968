"""The optimisers step as torch's do, without importing its compiler."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from tla.training import TrainConfig
from tla.training.optimizer import make_optimizer

OWN = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def network():
    """A convolution and a linear layer with fixed weights."""
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    with torch.no_grad():
        for number, p in enumerate(module.parameters()):
            p.copy_(torch.linspace(-0.2, 0.2, p.numel()).view(p.shape).roll(number))
    return module


def stepped(optimizer, module, steps, begin=0):
    """Weights after some steps, each on other inputs."""
    for step in range(begin, steps):
        optimizer.zero_grad()
        module(torch.linspace(0, 1 / (1 + step), 32).view(2, 1, 4, 4)).square().sum().backward()
        optimizer.step()
    return [p.detach().clone() for p in module.parameters()]


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_steps_are_those_of_torch(name):
    config = TrainConfig(optimizer=name, learning_rate=0.01, weight_decay=0.1, momentum=0.9)
    ours, theirs = network(), network()
    mine = make_optimizer(ours, config)
    assert isinstance(mine, OWN[name])
    assert [group["weight_decay"] for group in mine.param_groups] == [0.1, 0.0]
    more = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    own = OWN[name](
        [
            {"params": [p for p in theirs.parameters() if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in theirs.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=0.01,
        fused=True,
        **more,
    )
    for a, b in zip(stepped(mine, ours, 5), stepped(own, theirs, 5), strict=True):
        assert a.isfinite().all()
        assert torch.equal(a, b)
    again = make_optimizer(ours, config)
    again.load_state_dict(mine.state_dict())
    for a, b in zip(stepped(again, ours, 7, begin=5), stepped(own, theirs, 7, begin=5), strict=True):
        assert torch.equal(a, b)


def test_a_compiled_network_gets_torchs_own():
    assert type(make_optimizer(network(), TrainConfig(compile=True))) is torch.optim.Adam


def test_training_does_not_load_the_compiler():
    code = """
import sys, torch
from tla.training import TrainConfig
from tla.training.optimizer import make_optimizer
module = torch.nn.Linear(2, 1)
optimizer = make_optimizer(module, TrainConfig())
module(torch.ones(1, 2)).sum().backward()
optimizer.step()
optimizer.zero_grad()
optimizer.load_state_dict(optimizer.state_dict())
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
