"""Every example of docs/extending.md, saved where it says, passes the contract tests; the README's code runs."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from attack_contract import check_attack
from backbone_contract import check_backbone
from check_contract import check_audit_check
from detector_contract import check_detector
from figure_contract import check_figure
from loss_contract import check_loss
from method_contract import check_method
from PIL import Image
from source_contract import check_source
from torch import nn

import tla
from tla.cli import main
from tla.data import SOURCES
from tla.plots import FIGURES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "extending.md").read_text()
EXAMPLES = dict(re.findall(r"^## [^\n]*: `([^`]+\.py)`\n```python\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE))
REGISTRIES = (
    tla.ATTACKS, tla.CHECKS, tla.DETECTORS, tla.FIGURES, tla.LOSSES, tla.METHODS, tla.MODELS, tla.SOURCES,
)  # fmt: skip


@pytest.fixture
def saved(monkeypatch, tmp_path):
    """Saves the example of a path there, in a tree of its own, and imports it under the name that it has there."""
    for registry in REGISTRIES:
        registry.names()
        monkeypatch.setattr(registry, "_items", dict(registry._items))

    def save(path):
        assert not (ROOT / path).exists(), f"the library has a {path} already"
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_text(EXAMPLES[path])
        if not path.startswith("tla/"):
            return file
        name = path.removesuffix(".py").replace("/", ".")
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return save


def test_there_is_an_example_of_every_kind():
    kinds = {registry.package.replace(".", "/") for registry in REGISTRIES} | {"app/pages_"}
    assert {str(Path(path).parent) for path in EXAMPLES} == kinds
    assert len(EXAMPLES) == len(kinds)


def test_the_attack(saved):
    saved("tla/attacks/two_steps.py")
    check_attack("two-steps")


@pytest.mark.more
def test_the_loss(saved, tmp_path, capsys):
    saved("tla/losses/cosine_pull.py")
    check_loss("cosine-pull")
    check_trained_alone("cosine-pull", tmp_path)


def check_trained_alone(loss, folder):
    """One file is enough to train a loss: `composed` takes it by name, from the command line on."""
    words = ["study", "digits", "--methods", "composed", "--method.composed.loss", loss, "--out", str(folder / "s")]
    words += ["--train.epochs", "1", "--train.holdout", "50", "--attack.examples", "20", "--analysis.gallery", "60"]
    words += ["--analysis.projection", "pca", "--analysis.no-audit", "--analysis.trajectories", "0"]
    assert main(words) == 0
    assert set(tla.Store(folder / "s").table("attacks")["method"]) == {"composed"}


def test_the_method(saved, tmp_path):
    saved("tla/training/methods/noisy.py")
    check_method("noisy", tmp_path / "run")


def test_the_figure(saved):
    saved("tla/plots/angles.py")
    check_figure("angles")


def test_the_detector(saved):
    saved("tla/representation/detectors/norm.py")
    check_detector("norm")


def test_a_detector_is_saved_and_used_on_new_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "load_detector" in block)
    names = {"__name__": "example"}
    exec(compile(block, "docs/extending.md", "exec"), names)
    assert names["score"].shape == names["refused"].shape == (250,)
    assert 0.01 < float(names["refused"].float().mean()) < 0.12  # 5 % of those it was set by
    assert names["strict"].threshold < names["detector"].threshold


def test_the_check(saved):
    saved("tla/audit/checks/rounding.py")
    check_audit_check("rounding")


def test_the_data_source(saved, tmp_path):
    saved("tla/data/blobs.py")
    check_source("blobs", tmp_path)


def test_the_backbone(saved):
    saved("tla/models/one_layer.py")
    check_backbone("one_layer")


def test_the_page(saved):
    pytest.importorskip("streamlit", reason="the extra 'app' is not installed")
    from page_contract import check_page

    check_page(saved("app/pages_/angles.py"))


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
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "read_embeddings" in block)
    names = {"__name__": "example"}
    exec(compile(block, "docs/extending.md", "exec"), names)
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


README = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[1] / "README.md").read_text(), re.DOTALL)


def test_the_five_lines_of_the_readme(capsys):
    (five,) = (block for block in README if "shift_report" in block)
    names = {}
    exec(compile(five, "README.md", "exec"), names)
    assert 0.5 < float((~names["found"].success).float().mean()) < 0.8
    assert "angle" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.more
def test_a_network_of_one_s_own_in_the_readme(tmp_path, monkeypatch):
    (own,) = (block for block in README if "examine" in block)
    monkeypatch.chdir(tmp_path)
    pixels = torch.randint(256, (40, 60, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    Image.fromarray(pixels.numpy()).save("pig.jpg")

    def network(seed):
        torch.manual_seed(seed)
        layers = (nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
        return nn.Sequential(*layers)

    x = torch.randint(256, (24, 3, 16, 16), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    names = {"tla": tla, "network": network(0), "other": network(1), "x": x, "y": torch.arange(24) % 3}
    names["names"] = ["pig", "airliner", "cat"]
    exec(compile(own, "README.md", "exec"), names)
    assert set(names["study"].table("attacks")["method"]) == {"mine", "theirs"}
    assert "airliner" in str(names["photo"].to_dict())
