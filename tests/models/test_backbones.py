"""The contract of every backbone; the published ones by their numbers."""

import threading

import pytest
import torch
from backbone_contract import check_backbone, small
from torch import nn

from tla.models import MODELS, build_model
from tla.seeding import derive
from tla.types import Shape

GREY, COLOUR, LARGE = Shape(1, 28, 28), Shape(3, 32, 32), Shape(3, 64, 64)


def _weights(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize("name", MODELS.names())
def test_every_backbone_keeps_its_contract(name):
    check_backbone(name)


@pytest.mark.parametrize(
    ("name", "shape", "millions", "width"),
    [
        ("small_cnn", GREY, 0.84, 256),
        ("cifar_convnet", COLOUR, 0.21, 128),
        ("wrn-32-10", COLOUR, 45.9, 640),
        ("madry_cnn", GREY, 3.27, 1024),
    ],
)
def test_published_sizes(name, shape, millions, width):
    with torch.device("meta"):
        model = MODELS.build(name).build(shape, 10)
    assert round(_weights(model) / 1e6, 1 if millions > 10 else 2) == millions
    assert model.width == width


def test_sizes_counted_by_hand():
    convolutions = 9 * (1 * 32 + 32 * 64 + 64 * 128 + 128 * 256)
    norms = 2 * (32 + 64 + 128 + 256 + 1024)
    head = 1024 * 10 + 10
    assert _weights(MODELS.build("mnist_cnn").build(GREY, 10)) == convolutions + norms + 256 * 49 * 1024 + head
    layers = 784 * 1024 + 2 * 1024 * 1024 + 3 * 2 * 1024
    assert _weights(MODELS.build("mnist_mlp").build(GREY, 10)) == layers + head


def test_resnet18_has_the_convolutions_of_torchvisions():
    from torchvision.models import resnet18

    with torch.device("meta"):
        ours, theirs = MODELS.build("resnet18").build(COLOUR, 10), resnet18()
    shapes = [
        sorted(tuple(layer.weight.shape) for layer in model.modules() if isinstance(layer, nn.Conv2d))
        for model in (ours, theirs)
    ]
    shapes[1].remove((64, 3, 7, 7))
    shapes[0].remove((64, 3, 3, 3))
    assert shapes[0] == shapes[1]
    assert ours.width == 512


def test_resnet50_has_the_papers_blocks():
    from torchvision.models.resnet import Bottleneck

    with torch.device("meta"):
        paper, usual = (MODELS.build("resnet50", **k).build(LARGE, 10) for k in ({}, {"blocks": (3, 4, 6, 3)}))
    stages = [
        [paper.backbone.get_submodule(f"layer{i}"), usual.backbone.get_submodule(f"layer{i}")] for i in range(1, 5)
    ]
    counts = [[sum(isinstance(layer, Bottleneck) for layer in stage.modules()) for stage in pair] for pair in stages]
    assert counts == [[2, 3], [3, 4], [5, 6], [2, 3]]
    # a further identity block of stage s has 17 * (64 * 2^s)^2 weights and 12 * 64 * 2^s of its norms
    further = sum(17 * (64 * 2**s) ** 2 + 12 * 64 * 2**s for s in range(4))
    assert _weights(usual) - _weights(paper) == further


def test_wrn_is_its_formula_written_out():
    """Stem and first block of stage two, with plain functions."""
    from torch.nn import functional as f

    model = build_model(small("wrn-32-10"), COLOUR, 5, seed=0).eval()
    layers = model.backbone
    x = torch.rand(2, 3, 32, 32)
    normal = (x - torch.tensor([0.4914, 0.4822, 0.4465])[:, None, None]) / torch.tensor([0.2470, 0.2435, 0.2616])[
        :, None, None
    ]
    start = f.conv2d(normal, layers[0].weight, padding=1)
    assert torch.allclose(layers[0](model.normalise(x)), start, atol=1e-5)
    second = layers[2]  # the first of stage two: 16 -> 32 channels at half the size, shortcut from the raw input
    z = torch.rand(2, 16, 32, 32)

    def active(value: torch.Tensor) -> torch.Tensor:
        return f.leaky_relu(value / (1 + 1e-5) ** 0.5, 0.1)  # fresh batch norm in evaluation mode

    body = f.conv2d(active(z), second.body[0].weight, stride=2, padding=1)
    body = f.conv2d(active(body), second.body[3].weight, padding=1)
    shortcut = torch.cat([torch.zeros(2, 8, 16, 16), f.avg_pool2d(z, 2), torch.zeros(2, 8, 16, 16)], 1)
    assert torch.allclose(second(z), body + shortcut, atol=1e-5)


@pytest.mark.parametrize(("name", "shape"), [("small_cnn", Shape(2, 9, 5)), ("mnist_cnn", Shape(3, 8, 8)),
                                             ("resnet18", Shape(1, 9, 11)), ("wrn-32-10", Shape(4, 7, 5))])  # fmt: skip
def test_odd_sizes_work(name, shape):
    model = build_model(small(name), shape, 3, seed=0).eval()
    assert model(torch.rand(2, *shape)).logits.shape == (2, 3)


def test_statistics_follow_the_channels():
    assert build_model(MODELS.build("resnet18", width=4), GREY, 3, 0).normalise.mean.flatten().tolist() == [0.5]
    plain = build_model(MODELS.build("resnet18", width=4, pixels="none"), COLOUR, 3, 0)
    assert isinstance(plain.normalise, nn.Identity)
    assert "normalise.mean" not in build_model(small("resnet18"), COLOUR, 5, seed=0).state_dict()


def test_a_classifier_needs_two_classes():
    with pytest.raises(ValueError, match="classes must be >= 2, got 1"):
        build_model(MODELS.build("small_cnn"), GREY, 1, seed=0)


def test_an_unknown_backbone_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="unknown model 'resnet_18'; did you mean 'resnet18'\\?"):
        MODELS.get("resnet_18")
    assert MODELS.get("wrn_32_10") is MODELS.get("wrn-32-10")


def test_threads_initialise_independently():
    found = {}

    def work(seed: int) -> None:
        found[seed] = build_model(MODELS.build("mnist_mlp", embedding=64), GREY, 10, seed).state_dict()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, state in found.items():
        alone = build_model(MODELS.build("mnist_mlp", embedding=64), GREY, 10, seed).state_dict()
        assert all(torch.equal(state[key], alone[key]) for key in state)


def test_the_seed_is_derived_for_its_purpose():
    """Seed 0 of the weights is unrelated to seed 0 of anything else."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(0, "init"))
        expected = MODELS.build("small_cnn").build(GREY, 10)
    assert torch.equal(expected.head.weight, build_model(MODELS.build("small_cnn"), GREY, 10, 0).head.weight)
