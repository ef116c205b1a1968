"""What the benchmarks stand on: stored networks that still load, and last lines that say what was measured."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32), "tiny-imagenet": (3, 64, 64), "drawn": (3, 32, 32)}
CLASSES = {"mnist": 10, "cifar10": 10, "tiny-imagenet": 20}


@pytest.fixture
def networks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in [name for name in sys.modules if name.split(".")[0] in ("unseen", "strength", "yours")]:
        monkeypatch.delitem(sys.modules, name)
    from unseen import networks

    return networks


def test_unseen_networks_load_and_answer(networks):
    assert len(networks.UNSEEN) >= 6
    files = list((BENCHMARKS / "unseen").glob("*.safetensors"))
    assert {file.stem for file in files} == set(networks.UNSEEN)
    assert sum(file.stat().st_size for file in files) < 15e6
    for name, of in networks.UNSEEN.items():
        kind, _, count = of.data.partition("drawn-")
        x = torch.rand(2, *SHAPES[kind or "drawn"], generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            logits = networks.load(name)(x).logits
        assert logits.shape == (2, CLASSES.get(kind) or int(count)), name
        assert bool(logits.isfinite().all()), name
    assert {of.norm for of in networks.UNSEEN.values()} == {"linf", "l2"}


@pytest.mark.parametrize("name", ["narrow-100", "narrow-1000"])
def test_networks_of_drawn_images_are_right_on_them(networks, name):
    _, test = networks.images(networks.UNSEEN[name].data)
    rows = torch.arange(300)
    with torch.no_grad():
        right = networks.load(name)(test.floats(rows)).logits.argmax(1) == test.labels[rows]
    assert float(right.float().mean()) > 0.75


def test_last_line_is_the_worst_gap_and_ratio(networks, capsys):
    import strength

    common = {"data": "mnist", "norm": "l2", "eps": 1.0, "library": "tla", "low": 0.0, "high": 1.0, "cpu_seconds": 1.0}
    rows = [
        {"model": model, "attack": attack, "accuracy": accuracy, "passes": passes, "n": n}
        for model, n, ours, theirs in (("a", 300, (0.5, 100), (0.49, 1500)), ("b", 400, (0.6, 100), (0.598, 1200)))
        for attack, (accuracy, passes) in (("ensemble", ours), ("AutoAttack", theirs))
    ]
    strength.report(pd.DataFrame(rows).assign(**common))
    assert capsys.readouterr().out.splitlines()[-1] == "gap_points=1.00 passes_ratio=12.0 networks=2 n=300"
