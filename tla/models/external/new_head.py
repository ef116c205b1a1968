"""A new layer in the place of the one that gives a network's logits, for another number of classes."""

from typing import Any

import torch
from torch import Tensor, nn

from tla.models.base import initialising
from tla.models.external.answers import name_of, read
from tla.models.external.heads import CONVOLUTIONS, find_head, layers_of, recording
from tla.models.network.mode import evaluating


def put_new_head(module: nn.Module, images: Tensor, classes: int) -> str:
    """Replace the layer that gives the logits, in the module itself.

    The new layer is initialised as PyTorch initialises it, from a fixed seed.

    Args:
        module: The network.
        images: At least two images as it takes them.
        classes: Number of classes of the new layer.

    Returns:
        The name of the layer.

    Raises:
        ValueError: if no layer, or one of another kind, gives the logits; says how to mend it.
    """
    mend = f"start from a network with {classes} classes"
    with evaluating(module), torch.no_grad(), recording(module) as calls:
        answer = read(module(images.clone()), module, len(images))
    try:
        name = find_head(module, calls, answer.logits).name
    except ValueError as error:
        raise ValueError(f"no new head for {classes} classes can be put in, {mend}: {error}") from None
    layers = layers_of(module)
    old = layers[name]
    with initialising(0, "head"):
        new = _alike(old, classes)
    if new is None:
        raise ValueError(
            f"{name_of(module)}: {name!r} gives the logits and is a {type(old).__name__}, not a linear layer or a "
            f"convolution, in whose place a new head could be put: {mend}"
        )
    if name == "":
        raise ValueError(f"{name_of(module)} is its own last layer, no new head can be put in: {mend}")
    for twin in [known for known, layer in layers.items() if layer is old]:
        module.set_submodule(twin, new)
    return name


def _alike(layer: nn.Module, classes: int) -> nn.Module | None:
    """A layer of the same kind and input with `classes` outputs, on the same device."""
    where: dict[str, Any] = {"device": next((weight.device for weight in layer.parameters()), None)}
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, classes, bias=layer.bias is not None, **where)
    if isinstance(layer, CONVOLUTIONS) and layer.groups == 1 and not layer.transposed:
        kind = next(kind for kind in CONVOLUTIONS if isinstance(layer, kind))
        shape: dict[str, Any] = {
            key: getattr(layer, key) for key in ("kernel_size", "stride", "padding", "dilation", "padding_mode")
        }
        return kind(layer.in_channels, classes, bias=layer.bias is not None, **shape, **where)
    return None
