"""What the benchmarks stand on: stored networks that still load, and last lines that say what was measured."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from tla.data import Images, Splits

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


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu

    return gpu


def test_shards_join_to_the_same_file_in_any_order(gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "SHARD", 1000)
    file = tmp_path / "at.safetensors"
    content = bytes(torch.randint(256, (10_500,)).tolist())
    file.write_bytes(content)
    parts = gpu.split(file)
    assert [part.name for part in parts] == [f"at.safetensors.{number}of11" for number in range(11)]
    assert not file.exists()
    assert gpu.join(parts[::-1]).read_bytes() == content
    for some in (parts[:10], [parts[0], parts[2]], [file], [*parts[:10], parts[9]]):
        with pytest.raises(ValueError, match="--join takes all shards of one file"):
            gpu.join(some)


def test_packed_pictures_come_back_bit_for_bit(gpu, tmp_path, monkeypatch):
    def images(count, split):
        pixels = torch.randint(256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(count))
        return Images(
            pixels.to(torch.uint8), torch.arange(count) % 10, gpu.NAMES, torch.arange(count), "cifar10", split
        )

    class Made:
        def load(self, folder):
            return Splits(images(230, "train"), images(60, "test"))

    monkeypatch.setattr(gpu, "SHEET", 100)
    monkeypatch.setattr("tla.data.load_source", lambda name: Made())
    files = gpu.pack(None, tmp_path)
    assert {file.name for file in files} == {
        "labels.json", "train-00000.webp", "train-00100.webp", "train-00200.webp", "test-00000.webp"
    }  # fmt: skip
    back, made = gpu.unpack(tmp_path), Made().load(None)
    for one, other in zip(back, made, strict=True):
        assert one.pixels.equal(other.pixels)
        assert one.labels.equal(other.labels)
        assert one.split == other.split
    files[0].unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks train-00000\.webp: carry all the files"):
        gpu.unpack(tmp_path)


@pytest.mark.more
def test_every_stage_runs_dry_and_writes_what_it_finds(tmp_path):
    words = [sys.executable, str(BENCHMARKS / "gpu.py"), "--out", str(tmp_path), "--dry"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=500)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1] == "failed=none"
    found = {file.stem: json.loads(file.read_text()) for file in tmp_path.glob("*.json")}
    assert set(found) == {"tests", "speed", "search", "train"}
    assert found["tests"]["tests"] == found["tests"]["skipped"] > 0
    assert {"floor_ratio", "leaving_speedup_vs_peer"} <= set(found["speed"]["attacks"])
    assert "tla_over_at_free" in found["speed"]["training"]
    assert found["search"]["same_neighbours_2000x32"] == 1
    assert set(found["train"]["tla_accuracy"]) == {"clean", "ensemble"}
    assert (tmp_path / found["train"]["at_shards"][0]).stat().st_size < 15e6
