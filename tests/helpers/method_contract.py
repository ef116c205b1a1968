"""What holds for any registered training method."""

import dataclasses
from typing import NamedTuple

import torch
from settings_contract import check_settings
from torch import Tensor
from training_small import few_digits, normed_classifier, one_step, quick_config

from tla.models import build_model
from tla.models.small_cnn import SmallCNN
from tla.training import METHODS, train
from tla.types import Shape

COLUMNS = "method seed epoch loss cross_entropy triplet active clean_accuracy robust_accuracy learning_rate seconds"


class ForwardPass(NamedTuple):
    """How the network was called, and with what."""

    training: bool
    gradient: bool
    x: Tensor


def check_method(name, folder):
    """A method gives a finite loss, trains on images inside the ball, learns, and repeats itself bit for bit.

    Args:
        name: Name of the method.
        folder: An empty folder.
    """
    method = METHODS.build(name)
    check_settings(method)
    assert set(method.idle()) <= {field.name for field in dataclasses.fields(method)}
    for module in (build_model(SmallCNN(width=4, embedding=8), Shape(1, 8, 8), 3, seed=2), normed_classifier(3)):
        triplets = _check_step(method, module)
    _check_training(method, folder, triplets)


def _check_step(method, module):
    """One step; returns whether it has triplets."""
    passes = []
    module.register_forward_hook(
        lambda m, inputs, _: passes.append(ForwardPass(m.training, torch.is_grad_enabled(), inputs[0].detach()))
    )
    batch, context = one_step(module, method)
    x, weights = batch.x.clone(), [weight.detach().clone() for weight in module.parameters()]
    terms = method(batch, context)
    assert terms.loss.shape == terms.cross_entropy.shape == ()
    assert torch.isfinite(terms.loss)
    assert torch.isfinite(terms.cross_entropy)
    for gradient in torch.autograd.grad(terms.loss, list(module.parameters())):
        assert torch.isfinite(gradient).all()
    if terms.undo is not None:
        terms.undo()
    assert all(torch.equal(weight, before) for weight, before in zip(module.parameters(), weights, strict=True))
    assert all(weight.grad is None for weight in module.parameters())
    assert torch.equal(batch.x, x)
    assert passes[-1][:2] == (True, True), "the last forward pass is in training mode, with a gradient"
    if method.requirements().attacked:
        assert not passes[0].training, "the attack sees the network in evaluation mode"
        _check_images(passes, batch, context)
    return terms.triplet is not None and bool(terms.triplet.isfinite())


def _check_images(passes, batch, context):
    """The images in front of the first training pass are those of the batch, attacked within the ball."""
    leading = [seen.x[: len(batch.x)] for seen in passes if seen.training and seen.gradient]
    assert leading[0].min() >= 0
    assert leading[0].max() <= 1
    assert context.threat.distance(batch.x, leading[0]).max() <= context.radius + 1e-6
    assert any((context.threat.distance(batch.x, images) > 0).all() for images in leading)


def _check_training(method, folder, triplets):
    name, config = METHODS.name_of(method), quick_config(learning_rate=3e-3)
    network = SmallCNN(width=8, embedding=32)
    first, again = (
        train(network, few_digits(), METHODS.build(name), config, seed=1, folder=folder / part)
        for part in ("first", "again")
    )
    other = again.model.state_dict()
    assert all(torch.equal(value, other[key]) for key, value in first.model.state_dict().items())
    history = first.history
    assert set(COLUMNS.split()) <= set(history.columns)
    assert list(history["epoch"]) == [0, 1]
    assert set(history["method"]) == {name}
    assert history["loss"].notna().all()
    assert history["cross_entropy"].iloc[-1] < history["cross_entropy"].iloc[0]
    assert history["triplet"].notna().all() == triplets
