"""Layers by name, and what comes out of them, without hooks left behind."""

import pytest
import torch
from torch import nn

from tla.models import MODELS, build_model, layer_names, layer_outputs
from tla.models.mode import evaluating
from tla.types import Shape

DIGIT = Shape(1, 8, 8)


def _hooks(model: nn.Module) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())


def test_a_plain_network_speaks_through_its_activations_and_its_head():
    model = build_model(MODELS.build("small_cnn", width=4), DIGIT, 10, seed=0)
    assert layer_names(model, torch.rand(2, *DIGIT)) == ("backbone.1", "backbone.3", "backbone.6", "head")
    assert _hooks(model) == 0


def test_a_residual_network_speaks_through_its_blocks():
    model = build_model(MODELS.build("resnet18", width=4), Shape(3, 16, 16), 10, seed=0).eval()
    names = layer_names(model, torch.rand(2, 3, 16, 16))
    blocks = [f"backbone.{i}" for i in range(1, 9)]
    assert [name for name in names if name in blocks] == blocks
    assert names[-1] == "head"
    assert not any(isinstance(model.get_submodule(name), nn.BatchNorm2d) for name in names)


def test_torchvisions_networks_are_opened_to_their_blocks():
    from torchvision.models import resnet18

    model = resnet18(num_classes=4).eval()
    names = layer_names(model, torch.rand(1, 3, 32, 32))
    assert [name for name in names if name.startswith("layer")] == [
        f"layer{i}.{j}" for i in range(1, 5) for j in (0, 1)
    ]
    assert names[-1] == "fc"


def test_functions_between_layers_leave_the_layers_to_speak():
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.head = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 3, 3), nn.Linear(48, 2)

        def forward(self, x):
            return self.head(self.two(self.one(x).relu()).relu().flatten(1))

    assert layer_names(Functional(), torch.rand(2, *DIGIT)) == ("one", "two", "head")


def test_outputs_are_those_of_the_layers_run_by_hand():
    model = build_model(MODELS.build("small_cnn", width=4), DIGIT, 10, seed=0).eval()
    x = torch.rand(3, *DIGIT)
    with layer_outputs(model, ("backbone.1", "backbone.6")) as outputs:
        answer = model(x)
    assert torch.equal(outputs["backbone.1"], model.backbone[:2](x))
    assert torch.equal(outputs["backbone.6"], answer.embedding)
    assert _hooks(model) == 0


def test_hooks_go_also_when_the_block_fails():
    model = build_model(MODELS.build("small_cnn", width=4), DIGIT, 10, seed=0)
    with pytest.raises(KeyError), layer_outputs(model, ("head",)):
        raise KeyError
    assert _hooks(model) == 0


def test_an_unknown_layer_is_met_with_the_nearest():
    model = build_model(MODELS.build("small_cnn", width=4), DIGIT, 10, seed=0)
    with (
        pytest.raises(ValueError, match="unknown layer 'haed'; did you mean 'head'\\?"),
        layer_outputs(model, ("haed",)),
    ):
        pass
    assert _hooks(model) == 0


def test_evaluating_gives_every_module_its_own_mode_back():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    model[1].eval()
    with evaluating(model):
        assert not any(part.training for part in model.modules())
    assert [part.training for part in model.modules()] == [True, True, False, False]
    with pytest.raises(KeyError), evaluating(model):
        raise KeyError
    assert model.training
