"""Networks from packages, files and a user's own code; and one sentence for all that can be wrong with them."""

import sys
import types
import warnings
from enum import Enum
from pathlib import Path

import pytest
import torch
from torch import nn

from tla.models import GivenModel, load_user_model, read_given
from tla.models.external.preprocess import statistics_of
from tla.types import Shape

NET = """
from torch import nn
from layers import hidden

class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), hidden(64, width), nn.ReLU())
        self.head = nn.Linear(width, {classes})

    def forward(self, x):
        return self.head(self.body(x))

class Sized(Net):
    def __init__(self, width):
        super().__init__(width)

class Shelf:
    best = Net()

def fails():
    return {{}}["weights"]
"""
LAYERS = "from torch import nn\n\ndef hidden(a, b):\n    return nn.Linear(a, b, bias={bias})\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    for folder, classes, bias in (("one", 4, True), ("two", 5, False)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text(NET.format(classes=classes))
        (tmp_path / folder / "layers.py").write_text(LAYERS.format(bias=bias))
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("from torch import nn\nbody = nn.Flatten()\n")
    (package / "net.py").write_text(
        "from torch import nn\nfrom .parts import body\n\nmake = nn.Sequential(body, nn.Linear(64, 3))\n"
    )
    (tmp_path / "broken.py").write_text("def make(:\n    pass\n")
    (tmp_path / "loose.py").write_text("from .parts import body\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_imports_its_siblings_and_those_of_two_folders_do_not_mix(here):
    path, modules = list(sys.path), set(sys.modules)
    one = load_user_model("one/net.py:Net", shape=Shape(1, 8, 8), classes=4)
    two = load_user_model("two/net.py:Net", shape=Shape(1, 8, 8), classes=5)
    assert one.module.body[1].bias is not None
    assert two.module.body[1].bias is None
    assert sys.path == path
    assert "layers" not in set(sys.modules) - modules


def test_a_file_of_a_package_may_import_relatively(here):
    assert load_user_model("package/net.py:make", shape=Shape(1, 8, 8), classes=3).width == 64


def test_a_network_inside_a_class(here):
    assert load_user_model("one/net.py:Shelf.best", shape=Shape(1, 8, 8)).width == 16


def test_weights_at_a_network(here):
    torch.manual_seed(3)
    body = load_user_model("one/net.py:Net").module
    torch.save({"model": {f"module.{name}": value for name, value in body.state_dict().items()}}, "best.pth")
    model = load_user_model("best.pth@one/net.py:Net", shape=Shape(1, 8, 8), classes=4)
    assert torch.equal(model.module.head.weight, body.head.weight)
    assert model.remarks == ("weights from best.pth, key 'model'",)
    same = load_user_model("one/net.py:Net", weights="best.pth")
    assert torch.equal(same.module.head.weight, body.head.weight)


@pytest.mark.parametrize(
    ("load", "text"),
    [
        ("one/net.py:Sized", "missing a required argument: 'width'; name a function without arguments that returns it"),
        ("one/net.py:fails", "one/net.py:fails() raised KeyError: 'weights' (net.py, line "),
        ("one/net.py:Shelf.bast", "Shelf has no 'bast'; did you mean 'best'?"),
        ("broken.py:make", "running broken.py raised SyntaxError: "),
        ("loose.py:make", "attempted relative import"),
        ("best.pth@", "must be followed by the network that the weights belong to"),
        ("best.pth", "no file best.pth"),
        ("best.pth@one/net.py:Net", "no file of weights best.pth"),
        (
            "some.safetensors",
            "holds weights only: say of which network, as in some.safetensors@package.module:f",
        ),
        ("timm:", "timm: must name a network after the colon"),
        ("torchvison:resnet18", "did you mean torchvision:NAME?"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(here, load, text):
    with pytest.raises(ValueError) as caught:
        load_user_model(load)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_twice(here):
    with pytest.raises(ValueError, match="names its weights already"):
        load_user_model("best.pth@one/net.py:Net", weights="other.pth")


def test_torchscript(tmp_path):
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 5)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(module, torch.rand(2, 1, 8, 8)).save(tmp_path / "net.pt")
    name = str(tmp_path / "net.pt")
    with pytest.raises(ValueError, match=r"is compiled to TorchScript, which hides .*'none' for the logits themselves"):
        load_user_model(name, shape=(1, 8, 8))
    x = torch.rand(3, 1, 8, 8, requires_grad=True)
    outputs = load_user_model(name, shape=(1, 8, 8), head="none")(x)
    assert torch.allclose(outputs.logits, module(x))
    assert bool(torch.autograd.grad(outputs.logits.sum(), x)[0].any())
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"is not a TorchScript network .*: if it holds weights, say of which network"):
        load_user_model(str(tmp_path / "weights.pt"))


def test_timm():
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = load_user_model("timm:resnet10t", shape=(3, 32, 32), classes=6)
    assert (model.classes, model.width) == (6, 512)
    assert model.normalise.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    plain = timm.create_model("vit_tiny_patch16_224", num_classes=4)
    assert plain.num_features == 192
    vit = load_user_model("timm:vit_tiny_patch16_224", shape=(3, 40, 40), classes=4)
    assert vit.width == 192
    assert "images of 40 x 40 pixels are resized to 224 x 224 inside the model" in vit.remarks
    for name, text in (
        ("timm:resnet10x", "unknown timm model 'resnet10x'; did you mean 'resnet10"),
        ("timm:resnet18.nobody", "timm has no weights 'resnet18.nobody'; "),
    ):
        with pytest.raises(ValueError, match=text):
            load_user_model(name)


@pytest.fixture
def hugging(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.disable_progress_bar()
    return transformers


def test_hugging_face(hugging, tmp_path):
    config = hugging.ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=5,
    )
    made = hugging.ViTForImageClassification(config).eval()
    made.save_pretrained(tmp_path / "vit")
    hugging.ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=[0.4] * 3).save_pretrained(tmp_path / "vit")
    x = torch.rand(2, 3, 32, 32)
    model = load_user_model(f"hf:{tmp_path / 'vit'}", shape=(3, 32, 32), classes=5)
    with torch.no_grad():
        assert torch.allclose(model(x).logits, made((x - 0.4) / 0.5).logits, atol=1e-5)
        assert torch.allclose(made.classifier(model(x).embedding), model(x).logits, atol=1e-5)
    grey = load_user_model(f"hf:{tmp_path / 'vit'}", shape=(1, 20, 20), classes=5)
    assert grey.remarks == (
        "images of 1 channels are turned into 3 inside the model",
        "images of 20 x 20 pixels are resized to 32 x 32 inside the model",
    )
    config.save_pretrained(tmp_path / "untrained")
    model = load_user_model(f"hf:{tmp_path / 'untrained'}", shape=(3, 32, 32), classes=5)
    assert "has no weights in its folder: untrained" in model.remarks[0]
    with pytest.raises(ValueError, match="ViTForImageClassification has 5 classes, the data has 3; if 3 of its logits"):
        load_user_model(f"hf:{tmp_path / 'vit'}", shape=(3, 32, 32), classes=3)


def test_a_network_without_a_classifier_is_refused(hugging, tmp_path):
    config = hugging.ViTConfig(
        image_size=32, patch_size=8, hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    hugging.ViTModel(config).save_pretrained(tmp_path / "vit")
    with pytest.raises(ValueError, match=r"has no weights for classifier\.bias, classifier\.weight"):
        load_user_model(f"hf:{tmp_path / 'vit'}")
    with pytest.raises(ValueError, match=r"hf:\./nowhere cannot be loaded: there is no folder"):
        load_user_model("hf:./nowhere")


def test_robustbench(monkeypatch):
    """A stand-in with robustbench's interface: the package itself needs another version of timm."""
    asked = []

    class BenchmarkDataset(Enum):
        cifar_10 = "cifar10"

    class ThreatModel(Enum):
        Linf = "Linf"

    def load_model(name, dataset, threat_model):
        asked.append((name, dataset, threat_model))
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))

    zoo, utils = types.ModuleType("robustbench.model_zoo"), types.ModuleType("robustbench.utils")
    zoo.model_dicts = {BenchmarkDataset.cifar_10: {ThreatModel.Linf: {"Carmon2019Unlabeled": {}}}}
    utils.load_model = load_model
    for name, module in (("", types.ModuleType("robustbench")), (".model_zoo", zoo), (".utils", utils)):
        monkeypatch.setitem(sys.modules, f"robustbench{name}", module)
    model = load_user_model("robustbench:Carmon2019Unlabeled", shape=(3, 32, 32), classes=10)
    assert (model.classes, model.width) == (10, 8)
    assert asked == [("Carmon2019Unlabeled", "cifar10", "Linf")]
    for name, text in (
        ("robustbench:Carmon2019", "did you mean 'Carmon2019Unlabeled'"),
        ("robustbench:mnist/Linf/X", "unknown data set 'mnist'"),
        ("robustbench:cifar10/Linff/X", "unknown threat 'Linff'; did you mean 'Linf'"),
    ):
        with pytest.raises(ValueError, match=text):
            load_user_model(name)


@pytest.mark.parametrize(
    ("load", "package", "line"),
    [
        ("timm:resnet18", "timm", "pip install 'timm>=1.0'"),
        ("hf:org/name", "transformers", "pip install 'transformers>=4.45'"),
        ("robustbench:X", "robustbench", "pip install 'robustbench>=1.1'"),
        ("net.onnx", "onnx2torch", "pip install 'onnx>=1.15' 'onnx2torch>=1.5.15'"),
    ],
)
def test_a_missing_package_gives_its_pip_line(monkeypatch, load, package, line):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError) as caught:
        load_user_model(load)
    assert line in str(caught.value)


def test_a_given_model_is_one_value():
    from tla.config import from_dict, to_dict

    values = {
        "load": "best.pth@net.py:Net",
        "head": "fc",
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
        "channels": 3,
        "resize": [32, 48],
        "order": [1, 0],
    }
    given = from_dict(GivenModel, values)
    assert given.resize == (32, 48)
    assert to_dict(given) == values
    assert to_dict(from_dict(GivenModel, {"load": "a:b", "mean": "imagenet"})) == {"load": "a:b", "mean": "imagenet"}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"load": ""}, "load must say where the model comes from"),
        ({"channels": 2}, "channels must be 1 or 3, got 2"),
        ({"resize": -1}, "resize must be a side >= 1 in pixels, or 0 for none, got -1"),
        ({"order": (0, 0)}, "order must name a different logit >= 0 for each class"),
        ({"mean": (123.7, 116.3, 103.5)}, "mean is for pixels in 0..1, got .*: divide mean and std by 255"),
        ({"mean": (0.1, 0.2, 0.3), "std": (0.0,)}, "std must be > 0"),
        ({"mean": (0.1, 0.2)}, "mean must be one number, one for each of 3 channels, or a name, got 2 numbers"),
    ],
)
def test_settings_that_cannot_be(settings, text):
    with pytest.raises(ValueError, match=text):
        GivenModel(**({"load": "a:b"} | settings))


def test_an_unknown_name_of_statistics():
    from tla.config import from_dict

    with pytest.raises(ValueError, match=r"mean: must be one of 'imagenet', 'cifar10', 'none', got 'imagnet'"):
        from_dict(GivenModel, {"load": "a:b", "mean": "imagnet"})


def test_a_name_sets_mean_and_std():
    assert statistics_of("imagenet", None) == statistics_of(None, "imagenet")
    assert statistics_of((0.5,), None) == ((0.5,), (1.0,))
    assert statistics_of((0.5,), (0.1, 0.2, 0.3)).mean == (0.5, 0.5, 0.5)


def test_given_models_of_the_command_line():
    assert read_given("mine=runs/best.pth@mypkg.models:Net") == (
        "mine",
        GivenModel(load="runs/best.pth@mypkg.models:Net"),
    )
    for text in ("mine", "=a:b", "mine=", "a/b=c:d", "../x=c:d"):
        with pytest.raises(ValueError, match="given model"):
            read_given(text)
