"""Weights of one's own fit a network whole, or nothing is loaded."""

import argparse

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tla.models.external.weight_files import load_weights


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 5)).eval()


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    "prefix", ["", "module.", "model.", "net.", "_orig_mod.", "module._orig_mod.", "model.module."]
)
@pytest.mark.parametrize("key", ["", "state_dict", "model", "model_state_dict", "ema"])
def test_wrappers_and_prefixes(tmp_path, prefix, key):
    source, target = network(0), network(1)
    weights = {prefix + name: value for name, value in source.state_dict().items()}
    torch.save({key: weights, "epoch": 7, "args": argparse.Namespace(lr=0.1)} if key else weights, tmp_path / "w.pth")
    remarks = load_weights(target, tmp_path / "w.pth")
    assert same(source, target)
    assert bool(remarks) == bool(key)


def test_safetensors_and_half_precision(tmp_path):
    source, target = network(0), network(1)
    halves = {name: v.half() if v.is_floating_point() else v for name, v in source.state_dict().items()}
    save_file(halves, tmp_path / "w.safetensors")
    load_weights(target, tmp_path / "w.safetensors")
    assert torch.equal(target[3].weight, source[3].weight.half().float())


def test_the_numbers_of_old_batch_norms_may_be_missing(tmp_path):
    source, target = network(0), network(1)
    weights = {name: v for name, v in source.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(weights, tmp_path / "w.pth")
    load_weights(target, tmp_path / "w.pth")
    assert same(source, target)


def test_numbers_of_numpy_may_lie_beside_the_weights(tmp_path):
    torch.save({"state_dict": network(0).state_dict(), "best": np.float64(0.93)}, tmp_path / "w.pth")
    load_weights(network(1), tmp_path / "w.pth")


def test_what_does_not_fit_is_listed_and_nothing_is_loaded(tmp_path):
    target, before = network(1), network(1)
    weights = network(0).state_dict()
    del weights["1.weight"]
    weights |= {"3.weight": torch.zeros(9, 144), "loss.scale": torch.ones(1)}
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(ValueError) as caught:
        load_weights(target, tmp_path / "w.pth")
    text = str(caught.value)
    assert "does not fit Sequential, nothing was loaded" in text
    assert "missing: 1.weight" in text
    assert "left over: loss.scale" in text
    assert "of another shape: 3.weight (9, 144) instead of (5, 144)" in text
    assert same(target, before)


def test_long_lists_are_cut(tmp_path):
    torch.save({f"blocks.{k}": torch.zeros(1) for k in range(40)}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"left over: blocks\.0, blocks\.1, .* and 35 more"):
        load_weights(network(0), tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (network(0), "holds pickled objects (torch.nn.modules.container.Sequential), which are not read as that would"),
        ([1, 2], "must hold a state dict, got list: save model.state_dict()"),
        ({"epoch": 3, "loss": 0.5}, "holds no weights: looked for tensors, also under state_dict, model, model_state_"),
        (None, "no file of weights"),
        (b"rubbish", "cannot be read"),
    ],
)
def test_files_without_weights(tmp_path, content, text):
    file = tmp_path / "w.pth"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    with pytest.raises(ValueError) as caught:
        load_weights(network(0), file)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_safetensors_file(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"12345678" * 9)
    with pytest.raises(ValueError, match=r"w\.safetensors cannot be read: "):
        load_weights(network(0), tmp_path / "w.safetensors")
