"""Every form of answer that a network may give, and options that change images and outputs on the way."""

from types import SimpleNamespace
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn import functional

from tla.models import as_classifier
from tla.types import Outputs, Shape

SHAPE = Shape(1, 8, 8)


class Body(nn.Module):
    """Two layers; the answer is what a function makes of the logits and the embedding."""

    def __init__(self, make, classes: int = 4) -> None:
        super().__init__()
        self.hidden, self.head, self.make = nn.Linear(64, 6), nn.Linear(6, classes), make

    def embed(self, x):
        return self.hidden(x.flatten(1)).relu()

    def forward(self, x):
        h = self.embed(x)
        return self.make(self.head(h), h)


class Auxiliary(NamedTuple):
    """As torchvision's inception_v3 in training mode."""

    logits: torch.Tensor
    aux_logits: torch.Tensor


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "make",
    [
        lambda z, h: z,
        lambda z, h: (z,),
        lambda z, h: [z, None],
        lambda z, h: (z, h[:, :, None, None]),
        lambda z, h: (z, h, h),
        lambda z, h: {"logits": z, "boxes": h},
        lambda z, h: SimpleNamespace(logits=z, hidden_states=None),
        lambda z, h: Auxiliary(z, z + 1),
        lambda z, h: (z, h),
        lambda z, h: {"logits": z, "embedding": h},
        lambda z, h: Outputs(z, h),
    ],
)
@pytest.mark.parametrize("shape", [SHAPE, None])
def test_forms(x, make, shape):
    torch.manual_seed(0)
    module = Body(make).eval()
    expected = module.head(module.embed(x))
    outputs = as_classifier(module, shape=shape, classes=4)(x)
    assert isinstance(outputs, Outputs)
    assert torch.equal(outputs.logits, expected)
    assert torch.equal(outputs.embedding, module.embed(x))


def test_a_named_head_goes_before_a_second_output(x):
    module = Body(lambda z, h: (z, z + 1)).eval()
    assert as_classifier(module, shape=SHAPE)(x).embedding.shape == (5, 4)
    assert torch.equal(as_classifier(module, shape=SHAPE, head="head")(x).embedding, module.embed(x))


@pytest.mark.parametrize("make", [lambda z, h: z, lambda z, h: z.squeeze(1), lambda z, h: (z, h)])
def test_one_logit_becomes_two(x, make):
    module = Body(make, classes=1).eval()
    outputs = as_classifier(module, shape=SHAPE, classes=2)(x)
    z = module.head(module.embed(x))[:, 0]
    assert torch.allclose(outputs.logits.softmax(1)[:, 1], torch.sigmoid(z))
    assert torch.equal(outputs.embedding, module.embed(x))


def test_one_logit_between_zero_and_one_is_no_probability(x):
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(64, 1)
            nn.init.constant_(self.head.weight, 0.01)
            nn.init.constant_(self.head.bias, 0.1)

        def forward(self, x):
            return self.head(x.flatten(1))

    assert as_classifier(Small().eval(), shape=SHAPE)(x).logits.shape == (5, 2)


def test_extra_heads_in_training_mode_only(x):
    class Extra(Body):
        def forward(self, x):
            z = super().forward(x)
            return Auxiliary(z, z + 1) if self.training else z

    module = Extra(lambda z, h: z)
    model = as_classifier(module, shape=SHAPE)
    expected = model.eval()(x)
    found = model.train()(x)
    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.embedding, expected.embedding)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("mean", [(0.0,), (0.5,)])
def test_networks_of_another_precision(x, dtype, mean):
    torch.manual_seed(0)
    module = Body(lambda z, h: z).eval()
    expected = module(x - mean[0]).detach()
    model = as_classifier(module.to(dtype), shape=SHAPE, mean=mean)
    x.requires_grad_()
    outputs = model(x)
    assert outputs.logits.dtype == outputs.embedding.dtype == torch.float32
    assert torch.allclose(outputs.logits, expected, atol=0.02)
    (gradient,) = torch.autograd.grad(outputs.logits.sum(), x)
    assert gradient.dtype == torch.float32
    assert bool(gradient.any())


def test_parallel_and_compiled_wrappers_are_taken_off(x):
    module = Body(lambda z, h: z).eval()
    for wrapped in (nn.DataParallel(module), torch.compile(module, backend="eager")):
        outputs = as_classifier(wrapped, shape=SHAPE)(x)
        assert torch.equal(outputs.embedding, module.embed(x))


def test_classes_in_another_order_and_some_of_many(x):
    module = Body(lambda z, h: z, classes=7).eval()
    outputs = as_classifier(module, shape=SHAPE, classes=3, order=(6, 0, 2))(x)
    assert torch.equal(outputs.logits, module(x)[:, [6, 0, 2]])
    assert torch.equal(outputs.embedding, module.embed(x))
    with pytest.raises(ValueError, match=r"order names logit 7, Body has 7 \(0\.\.6\)"):
        as_classifier(module, shape=SHAPE, order=(0, 7))


def test_coloured_images_of_a_grey_network_keep_their_gradient():
    module = Body(lambda z, h: z).eval()
    model = as_classifier(module, shape=(3, 8, 8), channels=1)
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    weights = torch.tensor([0.299, 0.587, 0.114])
    grey = (x.detach() * weights[:, None, None]).sum(1, keepdim=True)
    assert torch.allclose(model(x).logits, module(grey), atol=1e-6)
    (gradient,) = torch.autograd.grad(model(x).logits[:, 0].sum(), x)
    assert torch.allclose(gradient[:, 0] / 0.299, gradient[:, 1] / 0.587, atol=1e-6)


def test_grey_images_of_a_coloured_network():
    class Coloured(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.head = nn.Conv2d(3, 5, 3), nn.Linear(5, 4)

        def forward(self, x):
            return self.head(self.first(x).relu().mean((2, 3)))

    module = Coloured().eval()
    x = torch.rand(2, 1, 8, 8)
    assert torch.allclose(as_classifier(module, shape=SHAPE, channels=3)(x).logits, module(x.repeat(1, 3, 1, 1)))
    with pytest.raises(ValueError, match=r"set channels = 3 \(--channels 3\)$"):
        as_classifier(module, shape=SHAPE)
    with pytest.raises(ValueError, match="channels = 3 converts images of 1 or 3 channels, got 4 channels"):
        as_classifier(module, channels=3)(torch.rand(2, 4, 8, 8))


def test_images_are_resized_inside_with_a_gradient():
    module = Body(lambda z, h: z).eval()
    model = as_classifier(module, shape=(1, 16, 16), resize=(8, 8))
    x = torch.rand(2, 1, 16, 16, requires_grad=True)
    smaller = functional.interpolate(x, (8, 8), mode="bilinear", antialias=True)
    assert torch.allclose(model(x).logits, module(smaller))
    (gradient,) = torch.autograd.grad(model(x).logits[:, 0].sum(), x)
    assert gradient.shape == x.shape
    assert bool((gradient != 0).all())


def test_another_size_is_refused_with_the_one_that_fits():
    with pytest.raises(ValueError, match=r"does not accept images of shape \(1, 30, 30\).*; set resize = 8 \("):
        as_classifier(Body(lambda z, h: z), shape=(1, 30, 30))

    class Fixed(Body):
        def forward(self, x):
            if x.shape[2:] != (32, 32):
                raise AssertionError("wrong size")
            return super().forward(functional.avg_pool2d(x, 4))

    with pytest.raises(ValueError) as caught:
        as_classifier(Fixed(lambda z, h: z), shape=(1, 30, 30))
    assert "AssertionError: wrong size; set resize = 32 (--resize 32)" in str(caught.value)


def test_whatever_a_network_raises_becomes_one_sentence():
    class Faulty(nn.Module):
        def forward(self, x):
            raise KeyError("missing\nthing")

    with pytest.raises(ValueError) as caught:
        as_classifier(Faulty(), shape=SHAPE)
    assert "Faulty does not accept images of shape (1, 8, 8): KeyError" in str(caught.value)
    assert "\n" not in str(caught.value)
