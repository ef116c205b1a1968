"""The layer that gives the logits is found in many kinds of network; its input is the embedding."""

import pytest
import torch
from torch import nn

from tla.models import as_classifier, load_user_model

SMALL = 64


@pytest.mark.parametrize(
    ("name", "head", "width", "side"),
    [
        ("squeezenet1_1", "classifier.1", 512, SMALL),
        ("resnet18", "fc", 512, SMALL),
        ("densenet121", "classifier", 1024, SMALL),
        ("mobilenet_v2", "classifier.1", 1280, SMALL),
        ("mobilenet_v3_small", "classifier.3", 1024, SMALL),
        ("shufflenet_v2_x0_5", "fc", 1024, SMALL),
        ("googlenet", "fc", 1024, SMALL),
        pytest.param("efficientnet_b0", "classifier.1", 1280, SMALL, marks=pytest.mark.slow),
        pytest.param("inception_v3", "fc", 2048, 96, marks=pytest.mark.slow),
        pytest.param("vit_b_16", "heads.head", 768, 224, marks=(pytest.mark.slow, pytest.mark.more)),
        pytest.param("swin_t", "head", 768, SMALL, marks=pytest.mark.slow),
        pytest.param("vgg11", "classifier.6", 4096, SMALL, marks=pytest.mark.slow),
    ],
)
def test_torchvision(name, head, width, side):
    model = load_user_model(f"torchvision:{name}", shape=(3, side, side), classes=7)
    assert (model.format.head.name, model.width, model.classes) == (head, width, 7)
    outputs = model(torch.rand(2, 3, side, side))
    layer = model.module.get_submodule(head)
    if isinstance(layer, nn.Linear):
        assert torch.allclose(layer(outputs.embedding), outputs.logits, atol=1e-4)
    else:
        assert name == "squeezenet1_1"


def test_extra_heads_of_googlenet_are_for_training_only():
    from torchvision.models import googlenet

    module = googlenet(weights=None, init_weights=False, num_classes=5, aux_logits=True)
    model = as_classifier(module, shape=(3, SMALL, SMALL), classes=5)
    assert model.train()(torch.rand(2, 3, SMALL, SMALL)).embedding.shape == (2, 1024)


def linear(inner, make):
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return make(self.inner, x)

    return Network().eval()


def test_a_convolution_whose_outputs_are_averaged():
    inner = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 1))
    module = linear(inner, lambda inner, x: inner(x).mean((2, 3)))
    x = torch.rand(3, 1, 8, 8)
    outputs = as_classifier(module, shape=(1, 8, 8))(x)
    maps = inner[1](inner[0](x))
    assert torch.allclose(outputs.embedding, maps.mean((2, 3)), atol=1e-6)
    by_hand = outputs.embedding @ inner[2].weight[:, :, 0, 0].T + inner[2].bias
    assert torch.allclose(by_hand, outputs.logits, atol=1e-5)


def test_tokens_that_are_averaged_after_the_head():
    inner = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 3))
    module = linear(inner, lambda inner, x: inner(x[:, 0]).mean(1))
    x = torch.rand(3, 1, 8, 8)
    outputs = as_classifier(module, shape=(1, 8, 8))(x)
    assert torch.allclose(outputs.embedding, inner[:2](x[:, 0]).mean(1), atol=1e-6)
    assert torch.allclose(inner[2](outputs.embedding), outputs.logits, atol=1e-5)


def test_a_head_that_is_called_for_several_views():
    inner = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 3))
    module = linear(inner, lambda inner, x: (inner(x) + inner(x.flip(3))) / 2)
    x = torch.rand(4, 1, 8, 8)
    outputs = as_classifier(module, shape=(1, 8, 8))(x)
    assert torch.allclose(inner[3](outputs.embedding), outputs.logits, atol=1e-6)


def test_a_layer_that_is_also_used_earlier():
    shared = nn.Linear(8, 8)
    module = linear(shared, lambda inner, x: inner(inner(x[:, 0, 0]).relu()))
    x = torch.rand(4, 1, 8, 8)
    outputs = as_classifier(module, shape=(1, 8, 8))(x)
    assert torch.equal(outputs.embedding, shared(x[:, 0, 0]).relu())


def test_a_layer_with_two_names():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(64, 4)
            self.again = self.first

        def forward(self, x):
            return self.again(x.flatten(1))

    x = torch.rand(3, 1, 8, 8)
    for head in (None, "first", "again"):
        assert torch.equal(as_classifier(Tied().eval(), shape=(1, 8, 8), head=head)(x).embedding, x.flatten(1))


def test_logits_that_are_changed_after_the_head():
    inner = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 3))
    x = torch.rand(4, 1, 8, 8)
    for make in (lambda f, x: f(x).log_softmax(1), lambda f, x: f(x) / 7, lambda f, x: f(x) + torch.ones(3)):
        assert torch.equal(as_classifier(linear(inner, make), shape=(1, 8, 8))(x).embedding, inner[:3](x))


def test_another_head_that_is_called_last():
    inner = nn.ModuleList([nn.Linear(64, 6), nn.Linear(6, 3), nn.Linear(6, 4)])

    def make(layers, x):
        h = layers[0](x.flatten(1)).relu()
        return {"logits": layers[1](h), "boxes": layers[2](h)}

    model = as_classifier(linear(inner, make), shape=(1, 8, 8))
    assert model.format.head.name == "inner.1"


def test_a_layer_of_ones_own():
    class Cosine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, 64))

        def forward(self, h):
            return nn.functional.normalize(h) @ nn.functional.normalize(self.weight).T

    model = as_classifier(nn.Sequential(nn.Flatten(), Cosine()).eval(), shape=(1, 8, 8))
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(model(x).embedding, x.flatten(1))


def test_no_layer_at_all():
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, 64))

        def forward(self, x):
            return x.flatten(1) @ self.weight.T

    x = torch.rand(2, 1, 8, 8)
    with pytest.raises(ValueError, match=r"Functional calls no nn\.Linear .*'none' for the logits themselves"):
        as_classifier(Functional().eval(), shape=(1, 8, 8))
    outputs = as_classifier(Functional().eval(), shape=(1, 8, 8), head="none")(x)
    assert torch.equal(outputs.embedding, outputs.logits)


def test_wrong_heads():
    inner = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 3), nn.Identity())
    module = linear(inner, lambda inner, x: inner[:4](x))
    with pytest.raises(ValueError) as caught:
        as_classifier(module, shape=(1, 8, 8), head="inner.8")
    assert "unknown layer 'inner.8'; did you mean 'inner." in str(caught.value)
    assert "Layers and the widths of their inputs: inner.0 (64), inner.1 (64), inner.2 (6), inner.3 (6)" in str(
        caught.value
    )
    with pytest.raises(ValueError, match=r"layer 'inner\.4' is not called with a tensor: it gives no embedding"):
        as_classifier(module, shape=(1, 8, 8), head="inner.4")


def test_half_the_network_may_run_per_patch():
    """A layer with other rows than images cannot be the embedding."""
    inner = nn.Sequential(nn.Linear(16, 5), nn.Linear(20, 3))
    module = linear(inner, lambda inner, x: inner[1](inner[0](x.reshape(-1, 16)).reshape(len(x), 20)))
    with pytest.raises(ValueError, match=r"layer 'inner\.0' takes 8 rows for 2 images"):
        as_classifier(module, shape=(1, 8, 8), head="inner.0")
