"""Flattening keeps values, gradients and second derivatives, and restores the memory layout."""

import pytest
import torch
from torch import nn

from tla.models.network.flatten import Flatten

LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_and_gradients_are_those_of_torch(layout):
    x = torch.randn(3, 4, 5, 2, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    weight = torch.randn(3, 40, dtype=torch.float64)
    ours, theirs = Flatten()(x), nn.Flatten()(x)
    assert torch.equal(ours, theirs)
    assert torch.equal(*(torch.autograd.grad((rows * weight).sum(), x)[0] for rows in (ours, theirs)))
    assert torch.autograd.gradgradcheck(lambda x: Flatten()(x).pow(3), x)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_gradient_has_the_layout_of_the_maps(layout):
    x = torch.randn(3, 4, 5, 2).contiguous(memory_format=layout).requires_grad_()
    (gradient,) = torch.autograd.grad(Flatten()(x).pow(2).sum(), x)
    assert gradient.is_contiguous(memory_format=layout)


def test_vectors_and_vmap():
    assert Flatten()(torch.ones(2, 3, 4)).shape == (2, 12)
    assert torch.vmap(Flatten())(torch.ones(5, 2, 3, 4, 4)).shape == (5, 2, 48)
