import pandas as pd
import pytest
import torch
from torch import nn

from tla.models import MODELS
from tla.representation import capture_layers, layer_frame, layer_names, linear_cka
from tla.types import Outputs, Shape


@pytest.fixture
def model():
    return MODELS.build("small_cnn", width=4, embedding=16).build(Shape(1, 8, 8), 5)


def hooks(model):
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def test_layers_in_the_order_of_their_calls(model):
    names = layer_names(model, torch.rand(2, 1, 8, 8))
    assert names[-1] == "head"
    assert names[:2] == ("backbone.0", "backbone.1")
    assert not any(isinstance(dict(model.named_modules())[name], nn.Flatten) for name in names)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_captured_is_what_the_modules_return(model, batch):
    x = torch.rand(5, 1, 8, 8)
    names = ["head", "backbone.1"]
    found = capture_layers(model, x, names, batch)
    assert list(found) == names
    torch.testing.assert_close(found["head"], model.eval()(x).logits.detach(), atol=1e-5, rtol=1e-5)
    expected = model.backbone[1](model.backbone[0](x)).flatten(1).detach()
    torch.testing.assert_close(found["backbone.1"], expected, atol=1e-5, rtol=1e-5)


def test_what_is_captured_is_not_changed_by_a_later_layer_in_place():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Identity(), nn.ReLU(inplace=True)

        def forward(self, x):
            flat = self.first(x.flatten(1) - 0.5)
            return Outputs(self.second(flat), flat)

    x = torch.rand(3, 1, 2, 2)
    found = capture_layers(Model(), x, ["first", "second"])
    torch.testing.assert_close(found["first"], x.flatten(1) - 0.5)
    torch.testing.assert_close(found["second"], (x.flatten(1) - 0.5).relu())


def test_nothing_is_left_behind(model):
    model.train()
    model.backbone[0].eval()
    modes = [module.training for module in model.modules()]
    x = torch.rand(4, 1, 8, 8)
    layer_frame(model, x, x)
    with pytest.raises(ValueError, match=r"unknown layer 'hed'; did you mean 'head'\? Known: .*backbone"):
        capture_layers(model, x, ["hed"])

    def broken(inputs):
        raise RuntimeError("broken")

    model.head.forward = broken
    with pytest.raises(RuntimeError, match="broken"):
        capture_layers(model, x, ["backbone.0"])
    assert hooks(model) == 0
    assert [module.training for module in model.modules()] == modes


def test_a_users_own_hook_stays(model):
    model.head.register_forward_hook(lambda *_: None)
    capture_layers(model, torch.rand(2, 1, 8, 8), ["head"])
    assert hooks(model) == 1


def test_layer_frame(model, monkeypatch):
    x = torch.rand(60, 1, 8, 8)
    moved = (x + 0.3 * torch.rand(60, 1, 8, 8)).clamp(0, 1)
    frame = layer_frame(model, x, moved)
    assert list(frame) == ["layer", "depth", "cka", "low", "high"]
    assert frame["depth"].tolist() == list(range(len(frame)))
    assert tuple(frame["layer"]) == layer_names(model, x)
    before, after = (capture_layers(model, images, ["backbone.3"])["backbone.3"] for images in (x, moved))
    assert frame.set_index("layer").loc["backbone.3", "cka"] == pytest.approx(linear_cka(before, after))
    assert (layer_frame(model, x, x)["cka"] - 1).abs().max() < 1e-6
    monkeypatch.setattr("tla.representation.capture.MAX_VALUES", 1)
    monkeypatch.setattr("tla.representation.capture.LEAST", len(x))
    assert layer_frame(model, x, moved).equals(frame)
    some = layer_frame(model, x, moved, ["head", "backbone.0"])
    assert some["layer"].tolist() == ["head", "backbone.0"]
    assert some["depth"].tolist() == [0, 1]


def test_a_network_that_would_run_many_times_is_measured_on_fewer_images(model, monkeypatch):
    x = torch.rand(60, 1, 8, 8)
    moved = (x + 0.3 * torch.rand(60, 1, 8, 8)).clamp(0, 1)
    whole = layer_frame(model, x, moved)
    width = sum(features.shape[1] for features in capture_layers(model, x[:1], layer_names(model, x)).values())
    monkeypatch.setattr("tla.representation.capture.MAX_VALUES", 2 * width * 60 // 4)
    assert layer_frame(model, x, moved).equals(whole), "four groups hold all images"
    monkeypatch.setattr("tla.representation.capture.MAX_VALUES", 2 * width * 52 // 4)
    some = torch.linspace(0, 59, 52).round().long()
    found = layer_frame(model, x, moved)
    monkeypatch.undo()
    assert found.equals(layer_frame(model, x[some], moved[some]))


def test_layer_frame_of_groups(model):
    x = torch.rand(60, 1, 8, 8)
    moved = (x + 0.3 * torch.rand(60, 1, 8, 8)).clamp(0, 1)
    wrong = torch.arange(60) % 3 == 0
    frame = layer_frame(model, x, moved, ["backbone.0", "head"], wrong=wrong)
    assert list(frame) == ["layer", "depth", "group", "n", "cka", "low", "high"]
    assert frame["depth"].tolist() == [0, 0, 0, 1, 1, 1]
    plain = layer_frame(model, x, moved, ["backbone.0", "head"])
    pd.testing.assert_frame_equal(
        frame[frame.group == "all"].drop(columns=["group", "n"]).reset_index(drop=True), plain
    )
    for group, mask in (("correct", ~wrong), ("misclassified", wrong)):
        alone = layer_frame(model, x[mask], moved[mask], ["backbone.0", "head"])
        rows = frame[frame.group == group].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows[list(plain)], alone)
        assert (rows["n"] == int(mask.sum())).all()
    few = layer_frame(model, x, moved, ["head"], wrong=torch.arange(60) < 3)
    assert few["cka"].isna().tolist() == [False, False, True]
    assert not len(layer_frame(model, x, moved, [], wrong=wrong))


def test_bad_input_is_named(model):
    x = torch.rand(4, 1, 8, 8)
    with pytest.raises(ValueError, match="x must hold at least one image, got none"):
        capture_layers(model, x[:0], ["head"])
    with pytest.raises(ValueError, match="clean and adversarial must be pairs, got 4 and 3 images"):
        layer_frame(model, x, x[:3])
    model.unused = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="layers unused returned no tensor in the forward pass; choose others"):
        capture_layers(model, x, ["unused"])


def test_layers_without_a_row_for_each_image_are_left_out():
    class Size(nn.Module):
        def forward(self, x):
            return torch.tensor(x.shape)

    class Windows(nn.Module):
        def forward(self, x):
            return x.reshape(len(x) * 4, -1)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.size, self.windows, self.body, self.head = Size(), Windows(), nn.Linear(64, 8), nn.Linear(8, 3)

        def forward(self, x):
            count = self.size(x)[0]
            again = self.windows(x).reshape(int(count), -1)
            return self.head(self.body(again))

    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert layer_names(Net(), x) == ("body", "head")
    assert list(layer_frame(Net(), x, x)["layer"]) == ["body", "head"]
