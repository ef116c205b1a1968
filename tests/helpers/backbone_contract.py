"""What holds for any registered backbone."""

import pytest
import torch
from settings_contract import check_settings
from torch import nn

from tla.models import MODELS, build_model
from tla.types import Outputs, Shape

OTHER_ACTIVATIONS = (nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Softplus, nn.LayerNorm)


def small(name):
    """A backbone with the settings of its class for tests."""
    return MODELS.build(name, **MODELS.get(name).small)


def smallest(name):
    """Colour images of the smallest size that it takes, at least 8 x 8."""
    side = max(8, MODELS.get(name).least)
    return Shape(3, side, side)


def images(name, count):
    """Random images for it."""
    return torch.rand(count, *smallest(name), generator=torch.Generator().manual_seed(count))


def check_backbone(name):
    """One forward pass gives logits and the embedding that feeds them; the seed alone decides the weights."""
    check_settings(MODELS.build(name))
    check_settings(small(name))
    _check_seed(name)
    model = build_model(small(name), smallest(name), 5, seed=0)
    _check_gradients(model, images(name, 4))
    _check_outputs(model.eval(), images(name, 3))
    _check_sizes(name, model)
    _check_memory_layout(model, images(name, 2))


def _check_outputs(model, x):
    before = x.clone()
    found = model(x)
    assert isinstance(found, Outputs)
    assert found.logits.shape == (3, 5)
    assert found.embedding.shape == (3, model.width)
    by_hand = found.embedding @ model.head.weight.T + model.head.bias
    assert torch.allclose(found.logits, by_hand, atol=1e-5)
    assert torch.equal(x, before)
    one_by_one = torch.cat([model(row[None]).logits for row in x])
    assert torch.allclose(one_by_one, found.logits, atol=1e-4), "an image's logits depend on the rest of its batch"
    layers = list(model.modules())
    if any(isinstance(layer, nn.ReLU) for layer in layers) and not any(
        isinstance(layer, OTHER_ACTIVATIONS) for layer in layers
    ):
        assert found.embedding.min() >= 0, "the embedding is taken before the last activation"


def _check_gradients(model, x):
    model.train()
    found = model(x.requires_grad_())
    (found.logits.square().sum() + found.embedding.sum()).backward()
    assert x.grad is not None
    assert x.grad.flatten(1).any(1).all()
    for key, weight in model.named_parameters():
        assert weight.grad is not None, f"{key} has no gradient"
        assert weight.grad.isfinite().all()


def _check_memory_layout(model, x):
    expected = model(x).logits
    model = model.to(memory_format=torch.channels_last)
    assert torch.allclose(model(x.to(memory_format=torch.channels_last)).logits, expected, atol=1e-4)


def _check_seed(name):
    before = torch.get_rng_state()
    first, same, other = (build_model(small(name), smallest(name), 5, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(value, same[key]) for key, value in first.items())
    assert not torch.equal(first["head.weight"], other["head.weight"])


def _check_sizes(name, model):
    """Images of other sizes are refused with the size that was expected."""
    expected = ", ".join(map(str, smallest(name)))
    with pytest.raises(ValueError) as caught:
        model(torch.rand(2, 2, 9, 9))
    assert f"images must have shape (b, {expected}), got (2, 2, 9, 9)" in str(caught.value)
    least = MODELS.get(name).least
    if least > 1:
        few = least - 1
        with pytest.raises(ValueError) as caught:
            build_model(small(name), Shape(3, few, least), 5, seed=0)
        text = f"{name} needs images of at least {least} x {least} pixels, got {few} x {least}"
        assert text in str(caught.value)
