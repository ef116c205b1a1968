"""The examples of docs/extending.md and the README run as they stand."""

import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from tla.attacks import ATTACKS, Untargeted
from tla.data import SOURCES
from tla.models import MODELS
from tla.plots import FIGURES
from tla.threat import Threat
from tla.training import METHODS, TrainConfig, train

TEXT = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    for registry in (ATTACKS, METHODS, FIGURES):
        registry.names()
        monkeypatch.setattr(registry, "_items", dict(registry._items))


def run(number):
    exec(compile(BLOCKS[number], f"block {number}", "exec"), {"__name__": "example"})


def test_the_attack():
    run(0)
    splits = SOURCES.build("digits").load()
    model = MODELS.build("small_cnn").build(splits.train.shape, 10).eval()
    x, y = splits.test.floats()[:8], splits.test.labels[:8]
    threat = Threat("linf", 0.1)
    found = ATTACKS.build("two-steps", restarts=3)(model, x, Untargeted(y), threat)
    assert float(threat.distance(x, found.adversarial).max()) <= 0.1 + 1e-6


def test_the_method(tmp_path):
    run(1)
    splits = SOURCES.build("digits").load()
    config = TrainConfig(epochs=1, batch=128, holdout=50, eps=0.1)
    result = train(
        MODELS.build("small_cnn", width=4), splits.train, METHODS.build("noisy"), config, seed=0, folder=tmp_path
    )
    assert len(result.history) == 1
    assert torch.isfinite(torch.tensor(result.history.loss)).all()


def test_the_figure():
    run(2)
    shift = pd.DataFrame({"method": ["at", "at", "tla"], "angle": [1.0, 2.0, 3.0]})
    figure = FIGURES.get("angles")(shift)
    assert [trace.name for trace in figure.data] == ["AT", "TLA"]


def test_the_five_lines_of_the_readme(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert 0.5 < float((~names["found"].success).float().mean()) < 0.8
    assert "angle" in capsys.readouterr().out
