"""What passes through layers is heard by name, and no hook is left behind."""

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
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())


def test_inputs_and_outputs_are_those_of_the_layers_run_by_hand(model):
    x = torch.rand(3, *DIGIT)
    heard = []
    with listening(model, ("head", "backbone.1"), lambda *call: heard.append(call)):
        answer = model(x)
    assert [name for name, _, _ in heard] == ["backbone.1", "head"], "in order of execution"
    assert torch.equal(heard[0][1], model.backbone[:1](x))
    assert torch.equal(heard[0][2], model.backbone[:2](x))
    assert torch.equal(heard[1][1], answer.embedding)
    assert torch.equal(heard[1][2], answer.logits)
    assert _hooks(model) == 0


def test_a_layer_whose_answer_is_no_tensor_is_not_heard(model):
    heard = []
    with listening(model, ("",), lambda *call: heard.append(call)):
        model(torch.rand(1, *DIGIT))
    assert heard == []


def test_hooks_go_also_when_the_block_fails(model):
    with pytest.raises(ZeroDivisionError), listening(model, ("head",), lambda *_: None):
        _ = 1 / 0
    assert _hooks(model) == 0


def test_an_unknown_layer_is_met_with_the_nearest(model):
    unknown = listening(model, ("head", "haed"), lambda *_: None)
    with pytest.raises(ValueError, match="unknown layer 'haed'; did you mean 'head'\\?"), unknown:
        pass
    assert _hooks(model) == 0


def test_other_threads_are_not_heard(model):
    heard = []
    with listening(model, ("head",), lambda *call: heard.append(call)):
        other = threading.Thread(target=lambda: model(torch.rand(1, *DIGIT)))
        other.start()
        other.join()
        assert heard == []
        model(torch.rand(1, *DIGIT))
    assert len(heard) == 1


def test_evaluating_gives_every_module_its_own_mode_back():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    model[1].eval()
    with evaluating(model):
        assert not any(part.training for part in model.modules())
    assert [part.training for part in model.modules()] == [True, True, False, False]
    with pytest.raises(ZeroDivisionError), evaluating(model):
        _ = 1 / 0
    assert model.training
