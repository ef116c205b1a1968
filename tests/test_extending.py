"""The examples of docs/extending.md and the README run as they stand."""

import re
from pathlib import Path

import numpy as np
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
    names = {"__name__": "example"}
    exec(compile(BLOCKS[number], f"block {number}", "exec"), names)
    return names


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


def test_embeddings_made_elsewhere(tmp_path, monkeypatch):
    """The measures, neighbours and map of files are those of the same numbers in memory, to the last row."""
    splits = SOURCES.build("digits").load()
    x, y = splits.test.floats()[:120].flatten(1), splits.test.labels[:120]
    moved = (x + 0.5 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    train = {"embedding": list(splits.train.floats().flatten(1).numpy()), "y": splits.train.labels.numpy()}
    pd.DataFrame(train | {"id": 7 + splits.train.ids.numpy()}).to_parquet(tmp_path / "train.parquet")
    for name, values in (("clean", x), ("attacked", moved), ("y", y)):
        np.save(tmp_path / f"{name}.npy", values.numpy())
    monkeypatch.chdir(tmp_path)
    names = run(BLOCKS.index(next(block for block in BLOCKS if "read_embeddings" in block)))
    summary = names["found"].summary.set_index(["measure", "group", "against"])["mean"]
    cosine = torch.nn.functional.cosine_similarity(x.double(), moved.double()).clamp(-1, 1)
    assert summary["angle", "all", "adversarial"] == pytest.approx(float(cosine.arccos().rad2deg().mean()), rel=1e-4)
    clean, attacked = names["retrieval"]
    assert clean["recall_1"].mean() > max(0.95, attacked["recall_1"].mean())
    assert set(names["neighbours"][0]["neighbour"]) <= set((7 + splits.train.ids).tolist())
    assert names["sides"][0].logits.argmax(1).eq(y).float().mean() > 0.8
    assert (tmp_path / "train.faiss").exists()
    figure = FIGURES.get("shift_arrows")(names["drawn"].assign(method="mine", seed=0))
    assert sum(len(trace.x) for trace in figure.data if trace.x is not None) >= 120


def test_the_five_lines_of_the_readme(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    five, own_model = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names = {}
    exec(compile(five, "README.md", "exec"), names)
    assert 0.5 < float((~names["found"].success).float().mean()) < 0.8
    assert "angle" in capsys.readouterr().out
    names |= {"module": names["model"], "x": names["x"][:64], "y": names["y"][:64]}
    exec(compile(own_model, "README.md", "exec"), names)
    assert set(names["table"].attack) == {"clean", "ensemble"}
    assert "ensemble" in capsys.readouterr().out
