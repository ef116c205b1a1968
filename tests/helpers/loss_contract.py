"""What holds for any registered loss."""

import pytest
import torch
from settings_contract import check_settings
from training_small import normed_classifier, one_step

from tla.losses import LOSSES, Triplets, Views
from tla.training import METHODS
from tla.types import Outputs


def outputs(b, k=5, d=7, seed=0):
    """Random logits, and embeddings >= 0."""
    g = torch.Generator().manual_seed(seed)
    return Outputs(torch.randn(b, k, generator=g), torch.randn(b, d, generator=g).relu())


def full_views(b, valid=None, dtype=torch.float32):
    """Views with all that a loss may read: triplets of x'_i, x_i and the mirrored x_j."""
    clean, moved = (Outputs(*(part.to(dtype) for part in outputs(b, seed=seed))) for seed in (0, 1))
    for part in (*clean, *moved):
        part.requires_grad_()
    own = torch.arange(b)
    embeddings = torch.cat((moved.embedding, clean.embedding))
    mask = torch.ones(b, dtype=torch.bool) if valid is None else valid
    return Views(own % 5, clean, moved, embeddings, Triplets(own, own + b, own.flip(0) + b, mask))


def check_loss(name):
    """A loss is one finite float32 number with a gradient, ignores invalid triplets, and can be trained with."""
    loss = LOSSES.build(name)
    check_settings(loss)
    for b in (1, 3, 8):
        _check_value(loss, full_views(b))
        _check_value(loss, full_views(b, dtype=torch.bfloat16))
        _check_value(loss, full_views(b, valid=torch.zeros(b, dtype=torch.bool)))
    _check_invalid(loss)
    empty = torch.zeros(0, dtype=torch.int64)
    _check_value(loss, full_views(3)._replace(triplets=Triplets(empty, empty, empty, empty.bool())))
    with pytest.raises(ValueError, match=f"^{name} needs "):
        loss(Views(torch.zeros(2, dtype=torch.int64)))
    _check_training(name)


def _check_value(loss, views):
    before = [part.detach().clone() for part in (*views.clean, *views.adversarial)]
    found = loss(views)
    assert found.loss.shape == found.active.shape == ()
    assert found.loss.dtype == torch.float32
    assert torch.isfinite(found.loss)
    assert found.active.isnan() or 0 <= found.active <= 1
    assert not found.active.requires_grad
    leaves = [*views.clean, *views.adversarial]
    gradients = [g for g in torch.autograd.grad(found.loss, leaves, allow_unused=True) if g is not None]
    assert gradients
    assert all(torch.isfinite(g).all() for g in gradients)
    assert all(torch.equal(part, old) for part, old in zip(leaves, before, strict=True))


def _check_invalid(loss):
    """The value does not depend on the rows of invalid triplets."""
    valid = torch.arange(8) % 3 > 0
    views = full_views(8, valid)
    moved = Triplets(*(torch.where(valid, rows, (rows + 5) % 16) for rows in views.triplets[:3]), valid)
    first, second = loss(views), loss(views._replace(triplets=moved))
    assert torch.equal(first.loss, second.loss)
    assert torch.equal(first.active.nan_to_num(-1), second.active.nan_to_num(-1))


def _check_training(name):
    """The method `composed` trains with it."""
    module = normed_classifier(3)
    method = METHODS.build("composed", loss=name)
    terms = method(*one_step(module, method))
    gradients = torch.autograd.grad(terms.loss, list(module.parameters()))
    assert all(torch.isfinite(g).all() for g in gradients)
