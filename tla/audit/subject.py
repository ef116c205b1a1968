"""The model under audit, seen as one that returns `Outputs`, whatever it returns itself."""

import torch
from torch import Tensor, nn

from tla.types import Outputs


class AuditedModel(nn.Module):
    """A view on any model; shares its weights and changes nothing.

    Logits alone are taken for the embedding too (`embeds` tells); a pair is taken for logits and embedding.

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
            ValueError: if the model returns neither a tensor nor two of them.
        """
        returned = self.model(x)
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
    """Outputs of all images, in float32 and without gradient, `batch` at a time."""
    parts = []
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        for start in range(0, len(x), batch):
            outputs = model(x[start : start + batch])
            parts.append(Outputs(outputs.logits.float(), outputs.embedding.float()))
    return Outputs(torch.cat([part.logits for part in parts]), torch.cat([part.embedding for part in parts]))
