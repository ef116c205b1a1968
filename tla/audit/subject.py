"""The model under audit, wrapped so that it returns `Outputs`."""

import torch
from torch import Tensor, nn

from tla.models.network.calling import on_copy
from tla.tensors import dtype_of, from_bytes
from tla.types import Outputs


class AuditedModel(nn.Module):
    """A wrapper around any model that returns `Outputs`; shares its weights and changes nothing.

    If the model returns only logits, they are the embedding too, and `embeds` becomes False.

    Args:
        model: Maps images to `Outputs`, to logits, or to a pair of logits and embedding.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.embeds = True
        self.training = model.training

    def forward(self, x: Tensor) -> Outputs:
        """The model's outputs for images.

        Raises:
            ValueError: if the model returns neither a tensor nor a pair of tensors.
        """
        returned = on_copy(self.model, x)
        if isinstance(returned, Outputs):
            return returned
        if isinstance(returned, Tensor):
            self.embeds = False
            return Outputs(returned, returned.flatten(1) if returned.ndim > 1 else returned[:, None])
        if isinstance(returned, tuple | list) and len(returned) == 2 and all(isinstance(r, Tensor) for r in returned):
            return Outputs(returned[0], returned[1].flatten(1))
        raise ValueError(
            "the model must return logits, a pair (logits, embedding) or tla.types.Outputs, "
            f"got {type(returned).__name__}; wrap it so that it does"
        )


def forward(model: nn.Module, x: Tensor, batch: int) -> Outputs:
    """Outputs of all images (floats or bytes), in float32 and without gradient, `batch` at a time."""
    batches = []
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        for start in range(0, len(x), batch):
            outputs = on_copy(model, from_bytes(x[start : start + batch], dtype_of(model)))
            batches.append(Outputs(outputs.logits.float(), outputs.embedding.float()))
    return Outputs(*(torch.cat(tensors) for tensors in zip(*batches, strict=True)))
