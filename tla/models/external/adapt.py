"""Adapts any torch module that returns logits, or logits and an embedding, to return `Outputs`."""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tla.models.network.classifier import Normalise
from tla.models.network.layers import listening
from tla.models.network.mode import evaluating
from tla.models.network.pixel_statistics import NONE, Statistics
from tla.types import Outputs

_HELP = "return (logits, embedding), or name the layer whose input is the embedding with head="


class OutputFormat(NamedTuple):
    """What a module returns.

    Attributes:
        kind: Logits alone, a pair of logits and embedding, or `Outputs`.
        head: Name of the layer whose input is the embedding, if the module returns logits alone.
        classes: Number of classes.
        width: Length of the embedding.
    """

    kind: Literal["logits", "pair", "outputs"]
    head: str
    classes: int
    width: int


class Adapted(nn.Module):
    """Returns `Outputs` from a foreign module; created by `as_classifier`."""

    def __init__(self, module: nn.Module, classes: int | None, head: str | None, statistics: Statistics) -> None:
        super().__init__()
        self.module = module
        self.normalise = nn.Identity() if statistics == NONE else Normalise(statistics)
        self.expected, self.named = classes, head
        self.format: OutputFormat | None = None

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._known_format().classes

    @property
    def width(self) -> int:
        """Length of an embedding."""
        return self._known_format().width

    def forward(self, x: Float[Tensor, "b ..."]) -> Outputs:
        """Logits and embeddings of images in [0, 1].

        Raises:
            ValueError: if the module's output is probabilities, or differs from what it first returned.
        """
        x = self.normalise(x)
        if self.format is None:
            self.format = detect_format(self.module, x[:2].detach(), self.expected, self.named)
        if self.format.kind != "logits":
            return _read(self.module(x), self.module, len(x), self.format.classes)
        inputs: list[Tensor] = []
        with listening(self.module, [self.format.head], lambda _, first, __: inputs.append(first)):
            logits = _logits(self.module(x), self.module, len(x), self.format.classes)
        return Outputs(logits, inputs[-1].flatten(1))

    def _known_format(self) -> OutputFormat:
        if self.format is None:
            raise ValueError("the model has not been called yet: pass the shape of the images to as_classifier")
        return self.format


def as_classifier(
    module: nn.Module,
    *,
    shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    head: str | None = None,
    mean: tuple[float, ...] = NONE.mean,
    std: tuple[float, ...] = NONE.std,
) -> nn.Module:
    """A model that returns `Outputs`, around any module that returns logits, (logits, embedding) or `Outputs`.

    The module itself is not changed: same object, same weights, no hooks. If it returns logits alone, the embedding is
    the input of its last linear layer.

    Args:
        module: Maps images of shape (b, *shape) to logits (b, classes), to (logits, embedding), or to `Outputs`.
        shape: Size of one image, (channels, height, width); if given, the module is checked now, not at its first call.
        classes: Number of classes in the data; a module with another number is refused.
        head: Name of the layer whose input is the embedding, if it is not the last nn.Linear.
        mean: Per-channel mean that the module expects to be subtracted from pixels in [0, 1].
        std: Per-channel standard deviation that it expects them to be divided by.

    Returns:
        The module itself if it returns `Outputs` and needs no normalisation, else a wrapper around it.

    Raises:
        ValueError: if the module returns probabilities or a wrong shape, or has no layer to take the embedding from.
    """
    adapted = Adapted(module, classes, head, Statistics(mean, std))
    like = next(module.parameters(), torch.empty(0))
    adapted.normalise.to(like.device, like.dtype)
    if shape is None:
        return adapted
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)).to(like.device, like.dtype)
    with torch.no_grad():
        adapted.format = detect_format(module, adapted.normalise(x), classes, head)
    if adapted.format.kind == "outputs" and isinstance(adapted.normalise, nn.Identity):
        return module
    return adapted


def detect_format(module: nn.Module, x: Float[Tensor, "b ..."], classes: int | None, head: str | None) -> OutputFormat:
    """Find out what a module returns, by one forward pass in evaluation mode without a gradient.

    Args:
        module: The module; its mode is restored.
        x: At least one image, normalised as the module expects.
        classes: Number of classes it must have, if known.
        head: Name of the layer whose input is the embedding, if known.

    Raises:
        ValueError: as `as_classifier`.
    """
    linear = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]
    calls: list[tuple[str, Tensor, Tensor]] = []
    recording = listening(module, linear if head is None else [head], lambda *call: calls.append(call))
    with evaluating(module), torch.no_grad(), recording:
        result = _call(module, x)
    if not isinstance(result, Tensor):
        outputs = _read(result, module, len(x), classes)
        _refuse_probabilities(outputs.logits, module)
        kind = "outputs" if isinstance(result, Outputs) else "pair"
        return OutputFormat(kind, "", outputs.logits.shape[1], outputs.embedding.shape[1])
    logits = _logits(result, module, len(x), classes)
    _refuse_probabilities(logits, module)
    if not calls:
        raise ValueError(f"{_name(module)} calls no nn.Linear whose input could be the embedding: {_HELP}")
    name, first, out = calls[-1]
    if head is None and out.shape != logits.shape:
        what = f"{name!r} returns {tuple(out.shape)}, the logits are {tuple(logits.shape)}"
        raise ValueError(f"{_name(module)}: its last nn.Linear does not return the logits ({what}): {_HELP}")
    return OutputFormat("logits", name, logits.shape[1], first.flatten(1).shape[1])


def _call(module: nn.Module, x: Tensor) -> Any:
    try:
        return module(x)
    except RuntimeError as error:
        raise ValueError(f"{_name(module)} does not accept images of shape {tuple(x.shape[1:])}: {error}") from None


def _read(result: Any, module: nn.Module, count: int, classes: int | None) -> Outputs:
    if not (isinstance(result, tuple) and len(result) == 2):
        got = f"{type(result).__name__} of {len(result)}" if isinstance(result, tuple) else type(result).__name__
        raise ValueError(f"{_name(module)} must return logits, (logits, embedding) or Outputs, got {got}")
    logits, embedding = result
    logits = _logits(logits, module, count, classes)
    if not isinstance(embedding, Tensor) or embedding.ndim != 2 or len(embedding) != count:
        got = tuple(embedding.shape) if isinstance(embedding, Tensor) else type(embedding).__name__
        raise ValueError(f"{_name(module)}: the embedding must have shape ({count}, d), got {got}; flatten it")
    return Outputs(logits, embedding)


def _logits(logits: Any, module: nn.Module, count: int, classes: int | None) -> Tensor:
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        got = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"{_name(module)}: logits must be a tensor of floats, got {got}")
    if logits.ndim != 2 or len(logits) != count or logits.shape[1] < 2:
        raise ValueError(f"{_name(module)}: logits must have shape ({count}, classes >= 2), got {tuple(logits.shape)}")
    if classes is not None and logits.shape[1] != classes:
        raise ValueError(f"{_name(module)} has {logits.shape[1]} classes, the data has {classes}")
    return logits


def _refuse_probabilities(logits: Tensor, module: nn.Module) -> None:
    sums = logits.float().sum(1)
    if bool((logits >= 0).all()) and bool((sums - 1).abs().max() < 1e-3):
        raise ValueError(
            f"{_name(module)} returns probabilities (every row is >= 0 and sums to 1): "
            "return the logits, without the softmax"
        )


def _name(module: nn.Module) -> str:
    return type(module).__name__
