"""Every registered backbone by contract; the published ones by their numbers."""

import threading

import pytest
import torch
from torch import nn

from tla.config import from_dict, to_dict
from tla.models import MODELS, Backbone, Classifier, build_model
from tla.seeding import derive
from tla.types import Outputs, Shape

GREY, COLOUR, LARGE = Shape(1, 28, 28), Shape(3, 32, 32), Shape(3, 64, 64)
NARROW = {
    "small_cnn": ({"width": 4, "embedding": 8}, GREY),
    "mnist_cnn": ({"width": 2, "embedding": 8}, GREY),
    "mnist_mlp": ({"embedding": 8}, GREY),
    "madry_cnn": ({"width": 4, "embedding": 8}, GREY),
    "cifar_convnet": ({"width": 4}, COLOUR),
    "resnet18": ({"width": 4}, COLOUR),
    "wrn-32-10": ({"widen": 1, "blocks": 1}, COLOUR),
    "resnet50": ({"width": 4, "blocks": (1, 1, 1, 1)}, LARGE),
}


def _weights(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def _narrow(name: str, classes: int = 5) -> Classifier:
    knobs, shape = NARROW.get(name, ({}, COLOUR))  # a new backbone is covered as it is
    return build_model(MODELS.build(name, **knobs), shape, classes, seed=0)


@pytest.fixture(params=MODELS.names())
def name(request) -> str:
    return request.param


def test_one_forward_gives_logits_and_the_embedding_that_feeds_them(name):
    model = _narrow(name).eval()
    shape = NARROW.get(name, ({}, COLOUR))[1]
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    outputs = model(x)
    assert isinstance(outputs, Outputs)
    assert outputs.logits.shape == (3, 5)
    assert outputs.embedding.shape == (3, model.width)
    by_hand = outputs.embedding @ model.head.weight.T + model.head.bias
    assert torch.allclose(outputs.logits, by_hand, atol=1e-5)
    assert torch.equal(x, before)
    alone = torch.cat([model(row[None]).logits for row in x])
    assert torch.allclose(alone, outputs.logits, atol=1e-4)


def test_gradients_reach_the_image_and_every_weight(name):
    model = _narrow(name).train()
    x = torch.rand(4, *NARROW.get(name, ({}, COLOUR))[1], requires_grad=True)
    outputs = model(x)
    (outputs.logits.square().sum() + outputs.embedding.sum()).backward()
    assert x.grad is not None
    assert bool(x.grad.flatten(1).any(1).all())
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in model.parameters())


def test_memory_order_does_not_matter(name):
    model = _narrow(name).eval()
    x = torch.rand(2, *NARROW.get(name, ({}, COLOUR))[1])
    expected = model(x).logits
    model = model.to(memory_format=torch.channels_last)
    assert torch.allclose(model(x.to(memory_format=torch.channels_last)).logits, expected, atol=1e-4)


def test_the_seed_decides_the_weights_and_nothing_else_moves(name):
    before = torch.get_rng_state()
    first, same = _narrow(name).state_dict(), _narrow(name).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[key], same[key]) for key in first)
    other = build_model(MODELS.build(name, **NARROW[name][0]), NARROW[name][1], 5, seed=1).state_dict()
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_parameters_survive_plain_values(name):
    backbone = MODELS.build(name, **NARROW.get(name, ({}, COLOUR))[0])
    assert from_dict(Backbone, to_dict(backbone)) == backbone
    assert to_dict(backbone)["name"] == name


def test_other_images_are_refused_by_their_shape(name):
    model, shape = _narrow(name), NARROW.get(name, ({}, COLOUR))[1]
    want = f"images must have shape (b, {shape.channels}, {shape.height}, {shape.width}), got (2, 2, 9, 9)"
    with pytest.raises(ValueError) as caught:
        model(torch.rand(2, 2, 9, 9))
    assert want in str(caught.value)


@pytest.mark.parametrize("name", sorted({*MODELS.names()} - {"wrn-32-10"}))  # leaky: its embedding may be negative
def test_the_embedding_comes_after_an_activation(name):
    model = _narrow(name).eval()
    assert model(torch.rand(8, *NARROW.get(name, ({}, COLOUR))[1])).embedding.min() >= 0


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
        sorted(tuple(part.weight.shape) for part in model.modules() if isinstance(part, nn.Conv2d))
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
    counts = [[sum(isinstance(part, Bottleneck) for part in stage.modules()) for stage in pair] for pair in stages]
    assert counts == [[2, 3], [3, 4], [5, 6], [2, 3]]
    # a further identity block of stage s has 17 * (64 * 2^s)^2 weights and 12 * 64 * 2^s of its norms
    further = sum(17 * (64 * 2**s) ** 2 + 12 * 64 * 2**s for s in range(4))
    assert _weights(usual) - _weights(paper) == further


def test_wrn_computes_what_its_description_says():
    """The first block, written out with plain functions."""
    from torch.nn import functional as f

    model = _narrow("wrn-32-10").eval()
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


@pytest.mark.parametrize(
    ("name", "shape", "text"),
    [
        ("small_cnn", Shape(1, 3, 28), "small_cnn needs images of at least 4 x 4 pixels, got 3 x 28"),
        ("cifar_convnet", Shape(3, 28, 28), "cifar_convnet needs images of at least 32 x 32 pixels, got 28 x 28"),
        ("resnet50", Shape(3, 8, 8), "resnet50 needs images of at least 16 x 16 pixels, got 8 x 8"),
    ],
)
def test_images_that_are_too_small_are_refused(name, shape, text):
    with pytest.raises(ValueError, match=text):
        build_model(MODELS.build(name), shape, 10, seed=0)


@pytest.mark.parametrize(("name", "shape"), [("small_cnn", Shape(2, 9, 5)), ("mnist_cnn", Shape(3, 8, 8)),
                                             ("resnet18", Shape(1, 9, 11)), ("wrn-32-10", Shape(4, 7, 5))])  # fmt: skip
def test_odd_sizes_work(name, shape):
    model = build_model(MODELS.build(name, **NARROW[name][0]), shape, 3, seed=0).eval()
    assert model(torch.rand(2, *shape)).logits.shape == (2, 3)


def test_statistics_follow_the_channels():
    assert build_model(MODELS.build("resnet18", width=4), GREY, 3, 0).normalise.mean.flatten().tolist() == [0.5]
    plain = build_model(MODELS.build("resnet18", width=4, pixels="none"), COLOUR, 3, 0)
    assert isinstance(plain.normalise, nn.Identity)
    assert "normalise.mean" not in _narrow("resnet18").state_dict()


def test_a_classifier_needs_two_classes():
    with pytest.raises(ValueError, match="classes must be >= 2, got 1"):
        build_model(MODELS.build("small_cnn"), GREY, 1, seed=0)


def test_an_unknown_backbone_is_met_with_the_nearest():
    with pytest.raises(ValueError, match="unknown model 'resnet_18'; did you mean 'resnet18'\\?"):
        MODELS.get("resnet_18")
    assert MODELS.get("wrn_32_10") is MODELS.get("wrn-32-10")


def test_threads_do_not_mix_their_weights():
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
    """Seed 0 of the weights is not seed 0 of anything else."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(0, "init"))
        expected = MODELS.build("small_cnn").build(GREY, 10)
    assert torch.equal(expected.head.weight, build_model(MODELS.build("small_cnn"), GREY, 10, 0).head.weight)
