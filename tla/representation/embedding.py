"""Logits and embeddings of many images, batch by batch, leaving the model as it was."""

from collections.abc import Iterator
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from tla.memory import kept
from tla.models.network.calling import on_copy
from tla.models.network.mode import evaluating
from tla.tensors import as_images, dtype_of, from_bytes
from tla.types import Model, Outputs

EmbeddingDtype = Literal["float32", "bfloat16"]
Pixels = Float[Tensor, "_ ..."] | UInt8[Tensor, "_ ..."]
"""Images in [0, 1], or bytes 0..255, which are divided by 255 batch by batch."""


def batches(x: Pixels, size: int, device: torch.device) -> Iterator[Float[Tensor, "b ..."]]:
    """Batches of x in order, as floats in [0, 1] on the device.

    Raises:
        ValueError: for a size below 1.
    """
    if size < 1:
        raise ValueError(f"batch must be >= 1, got {size}")
    for start in range(0, len(x), size):
        yield from_bytes(x[start : start + size].to(device))


def device_of(model: nn.Module) -> torch.device:
    """The model's device; the CPU if it has no weights."""
    return next((weight.device for weight in model.parameters()), torch.device("cpu"))


def embed(model: Model, x: Pixels, batch: int = 512, precision: EmbeddingDtype = "float32") -> Outputs:
    """Logits and embeddings of images, in evaluation mode and without gradients.

    Args:
        model: Maps images in [0, 1] to `Outputs`; mode, gradients and hooks are left as they were.
        x: Images, shape (n, ...), n >= 1; may be on another device than the model.
        batch: Images per forward pass.
        precision: "bfloat16" runs under autocast; the result is float32 either way.

    Returns:
        Float32 outputs on the device of x, shapes (n, classes) and (n, d); ordinary tensors that autograd accepts.

    Raises:
        ValueError: for no images, pixels outside [0, 1], a batch below 1, or a model that does not return `Outputs`.
    """
    x = as_images("x", x, dtype=dtype_of(model), keep=True)
    device = device_of(model)
    found: Outputs | None = None
    done = 0
    with kept(), evaluating(model), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        for images in batches(x, batch, device):
            with torch.inference_mode():
                outputs = on_copy(model, images)
            if not isinstance(outputs, Outputs):
                raise ValueError(f"model must return Outputs(logits, embedding), got {type(outputs).__name__}")
            if found is None:
                found = Outputs(*(torch.empty(len(x), values.shape[1], device=x.device) for values in outputs))
            for whole, values in zip(found, outputs, strict=True):
                whole[done : done + len(images)] = values.to(x.device)
            done += len(images)
    assert found is not None  # x is not empty
    return found
