"""External models by name, and the errors for names that are not found."""

import sys
from pathlib import Path

import pytest
import torch

from tla.models import load_user_model
from tla.types import Outputs, Shape

SOURCE = """
import torch
from torch import nn

def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))

ready = build()
number = 3

def sized(width):
    return build()

def nothing():
    return None
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    (tmp_path / "my_networks.py").write_text(SOURCE)
    (tmp_path / "needs_more.py").write_text("import a_package_that_nobody_has\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_networks", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["my_networks:build", "my_networks:ready", "my_networks.py:build"])
def test_your_own_function_or_module(here, name):
    path = list(sys.path)
    model = load_user_model(name, shape=Shape(1, 8, 8), classes=10)
    assert sys.path == path
    assert not model.training
    outputs = model(torch.rand(3, 1, 8, 8))
    assert isinstance(outputs, Outputs)
    assert outputs.embedding.shape == (3, 16)


def test_without_a_shape_it_is_checked_at_its_first_call(here):
    assert load_user_model("my_networks:build")(torch.rand(3, 1, 8, 8)).logits.shape == (3, 10)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "resnet18",
            "FILE.onnx, or FILE.pt of TorchScript, got 'resnet18'",
        ),
        (":build", "model must be package.module:function"),
        ("nowhere_at_all:build", "no Python module 'nowhere_at_all' (no 'nowhere_at_all' in "),
        ("my_networks.deeper:build", "no Python module 'my_networks.deeper'"),
        ("nowhere.py:build", "no file nowhere.py"),
        ("./nowhere:build", "must be package.module:function or PATH/file.py:function, got './nowhere:build'"),
        ("needs_more:build", "needs_more needs the package 'a_package_that_nobody_has', which is not installed"),
        ("my_networks:biuld", "my_networks:biuld: my_networks has no 'biuld'; did you mean 'build'?"),
        ("my_networks:number", "my_networks:number must be a function that returns a torch module, got int"),
        (
            "my_networks:sized",
            "my_networks:sized must be callable without arguments: missing a required argument: 'width'",
        ),
        ("my_networks:nothing", "my_networks:nothing() must return a torch module, got NoneType"),
        ("torchvision:resnet81", "unknown torchvision model 'resnet81'; did you mean 'resnet18'?"),
    ],
)
def test_a_name_that_is_not_found(here, name, text):
    with pytest.raises(ValueError) as caught:
        load_user_model(name)
    assert text in str(caught.value)


def test_weights_are_checked_before_anything_is_downloaded(here):
    with pytest.raises(ValueError, match="unknown weights 'IMAGENET' for resnet18; did you mean 'IMAGENET1K_V1'\\?"):
        load_user_model("torchvision:resnet18", weights="IMAGENET")
    with pytest.raises(ValueError, match=r"weights must be a file .*, got 'DEFAULT'.*'my_networks:build' has its own"):
        load_user_model("my_networks:build", weights="DEFAULT")


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_torchvision_models(name):
    model = load_user_model(f"torchvision:{name}", shape=Shape(3, 32, 32), classes=7)
    outputs = model(torch.rand(2, 3, 32, 32))
    assert outputs.logits.shape == (2, 7)
    last = [layer for layer in model.module.modules() if isinstance(layer, torch.nn.Linear)][-1]
    assert torch.allclose(outputs.embedding @ last.weight.T + last.bias, outputs.logits, atol=1e-5)


def test_trained_weights_include_their_normalisation(monkeypatch):
    from torchvision import models

    given = models.resnet18(weights=None)
    monkeypatch.setattr(models, "get_model", lambda name, weights: given)
    model = load_user_model("torchvision:resnet18", weights="DEFAULT")
    assert model.normalise.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert model.normalise.std.flatten().tolist() == pytest.approx([0.229, 0.224, 0.225])
