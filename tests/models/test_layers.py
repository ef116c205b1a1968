"""Inputs and outputs of layers by name; no hook is left."""

import threading

import pytest
import torch
from torch import nn

from tla.models import MODELS, build_model, evaluating, listening
from tla.types import Shape

DIGIT = Shape(1, 8, 8)


@pytest.fixture
def model() -> nn.Module:
    return build_model(MODELS.build("small_cnn", width=4), DIGIT, 10, seed=0).eval()


def _hooks(model: nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in model.modules())


def test_inputs_and_outputs_are_those_of_the_layers_called_by_hand(model):
    x = torch.rand(3, *DIGIT)
    calls = []
    with listening(model, ("head", "backbone.1"), lambda *call: calls.append(call)):
        outputs = model(x)
    assert [name for name, _, _ in calls] == ["backbone.1", "head"], "in order of execution"
    assert torch.equal(calls[0][1], model.backbone[:1](x))
    assert torch.equal(calls[0][2], model.backbone[:2](x))
    assert torch.equal(calls[1][1], outputs.embedding)
    assert torch.equal(calls[1][2], outputs.logits)
    assert _hooks(model) == 0


def test_a_layer_that_does_not_return_a_tensor_is_left_out(model):
    calls = []
    with listening(model, ("",), lambda *call: calls.append(call)):
        model(torch.rand(1, *DIGIT))
    assert calls == []


def test_hooks_are_removed_if_the_block_fails(model):
    with pytest.raises(ZeroDivisionError), listening(model, ("head",), lambda *_: None):
        _ = 1 / 0
    assert _hooks(model) == 0


def test_an_unknown_layer_is_answered_with_the_nearest(model):
    unknown = listening(model, ("head", "haed"), lambda *_: None)
    with pytest.raises(ValueError, match="unknown layer 'haed'; did you mean 'head'\\?"), unknown:
        pass
    assert _hooks(model) == 0


def test_other_threads_are_left_out(model):
    calls = []
    with listening(model, ("head",), lambda *call: calls.append(call)):
        other = threading.Thread(target=lambda: model(torch.rand(1, *DIGIT)))
        other.start()
        other.join()
        assert calls == []
        model(torch.rand(1, *DIGIT))
    assert len(calls) == 1


def test_evaluating_restores_the_mode_of_every_module():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    model[1].eval()
    with evaluating(model):
        assert not any(layer.training for layer in model.modules())
    assert [layer.training for layer in model.modules()] == [True, True, False, False]
    with pytest.raises(ZeroDivisionError), evaluating(model):
        _ = 1 / 0
    assert model.training
