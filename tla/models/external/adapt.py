"""Adapts any torch module that returns logits, or logits and an embedding, to return `Outputs`."""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tla.models.external.answers import Answer, name_of, read, refuse_probabilities, two_or_more
from tla.models.external.heads import NO_LAYER, Head, find_head, inputs_of, named_head, recording
from tla.models.external.preprocess import Preprocess
from tla.models.external.refusals import classes_refusal, size_refusal
from tla.models.network.classifier import Normalise
from tla.models.network.mode import evaluating
from tla.models.network.pixel_statistics import NONE, Statistics
from tla.types import Outputs


class OutputFormat(NamedTuple):
    """What a module returns.

    Attributes:
        kind: Logits alone, logits and an embedding, or `Outputs`.
        head: Where the embedding is taken, if the module returns logits alone.
        classes: Number of classes.
        width: Length of the embedding.
    """

    kind: Literal["logits", "pair", "outputs"]
    head: Head
    classes: int
    width: int


class Adapted(nn.Module):
    """Returns `Outputs` from a foreign module; created by `as_classifier`.

    Attributes:
        remarks: What was done to the network on the way, a sentence each.
    """

    def __init__(
        self,
        module: nn.Module,
        classes: int | None,
        head: str | None,
        statistics: Statistics,
        preprocess: Preprocess,
        order: tuple[int, ...] | None,
        batch: int | None,
    ) -> None:
        super().__init__()
        self.module = module
        self.preprocess = preprocess
        self.statistics = statistics
        self.normalise = nn.Identity() if statistics == NONE else Normalise(statistics)
        self.expected, self.named, self.order, self.batch = classes, head, order, batch
        self.format: OutputFormat | None = None
        self.remarks: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._known_format().classes

    @property
    def width(self) -> int:
        """Length of an embedding."""
        return self._known_format().width

    @property
    def transparent(self) -> bool:
        """True if neither images nor outputs are changed."""
        given = (self.preprocess.channels, self.preprocess.size, self.order, self.batch)
        plain = isinstance(self.normalise, nn.Identity) and given == (None,) * 4
        return plain and floating_dtype(self.module) in (None, torch.float32)

    def forward(self, x: Float[Tensor, "b ..."]) -> Outputs:
        """Logits and embeddings of images in [0, 1]; x is not changed, even if the module works in place.

        Raises:
            ValueError: if the module does not accept the images, its output is probabilities, or it differs from what
                it first returned.
        """
        images = self.prepared(x)
        if self.format is None:
            self.format = self.detect(images[:2].detach())
        if self.batch is None:
            return self._answer(images, x.dtype)
        parts = [self._answer(_filled(rows, self.batch), x.dtype) for rows in images.split(self.batch)]
        return Outputs(*(torch.cat(column)[: len(x)] for column in zip(*parts, strict=True)))

    def _answer(self, images: Tensor, dtype: torch.dtype) -> Outputs:
        assert self.format is not None
        head, kind = self.format.head, self.format.kind
        if kind == "logits" and head.name != NO_LAYER:
            with inputs_of(self.module, head.name) as inputs:
                answer = read(_call(self.module, images), self.module, len(images))
            if not inputs:
                raise ValueError(f"{name_of(self.module)}: the layer {head.name!r} was not called; choose another head")
            return self._outputs(answer.logits, head.embedding(inputs), dtype)
        answer = read(_call(self.module, images), self.module, len(images))
        if kind == "logits":
            return self._outputs(answer.logits, two_or_more(answer.logits), dtype)
        if answer.embedding is None:
            raise ValueError(f"{name_of(self.module)} returned an embedding at first, but none now; name a head")
        return self._outputs(answer.logits, answer.embedding, dtype)

    def prepared(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """New images for the module: of its channels, size and type, and normalised."""
        images = self.normalise(self.preprocess(x))
        dtype = floating_dtype(self.module)
        if dtype is not None and (dtype == torch.float64 or not torch.is_autocast_enabled(x.device.type)):
            images = images.to(dtype)
        return images.clone() if images is x or images._is_view() else images

    def detect(self, images: Float[Tensor, "b ..."]) -> OutputFormat:
        """Find out what the module returns, by forward passes in evaluation mode; its mode is restored.

        Args:
            images: At least one image, as `prepared`.

        Raises:
            ValueError: as `as_classifier`.
        """
        images = images if self.batch is None else _filled(images[: self.batch], self.batch)
        with evaluating(self.module), torch.no_grad(), recording(self.module) as calls:
            answer = read(_call(self.module, images.clone()), self.module, len(images))
        with evaluating(self.module):
            refuse_probabilities(answer.logits, self.module, self._again(answer, images))
        logits = two_or_more(answer.logits) if self.order is None else self._ordered(two_or_more(answer.logits))
        if self.expected is not None and logits.shape[1] != self.expected:
            raise ValueError(classes_refusal(self.module, answer, self.expected))
        if answer.embedding is not None and self.named is None:
            kind = "outputs" if answer.ours else "pair"
            return OutputFormat(kind, Head(""), logits.shape[1], answer.embedding.shape[1])
        if self.named is None:
            head = find_head(self.module, calls, answer.logits)
        else:
            head = named_head(self.module, self.named, calls, answer.logits)
        if head.name == NO_LAYER:
            return OutputFormat("logits", head, logits.shape[1], two_or_more(answer.logits).shape[1])
        with evaluating(self.module), torch.no_grad(), inputs_of(self.module, head.name) as inputs:
            _call(self.module, images.clone())
        return OutputFormat("logits", head, logits.shape[1], head.embedding(inputs).shape[1])

    def _again(self, answer: Answer, images: Tensor) -> Tensor | None:
        """The logits with their graph, if they could be the outputs of a sigmoid."""
        if bool((answer.logits < 0).any()) or bool((answer.logits > 1).any()):
            return None
        with torch.inference_mode(False), torch.enable_grad():
            try:
                return read(self.module(images.clone().requires_grad_() * 1), self.module, len(images)).logits
            except RuntimeError:  # no graph can be made of it
                return None

    def _outputs(self, logits: Tensor, embedding: Tensor, dtype: torch.dtype) -> Outputs:
        logits = two_or_more(logits)
        logits = logits if self.order is None else self._ordered(logits)
        if self.expected is not None and logits.shape[1] != self.expected:
            raise ValueError(f"{name_of(self.module)} has {logits.shape[1]} classes, the data has {self.expected}")
        if floating_dtype(self.module) in (None, dtype) or torch.is_autocast_enabled(logits.device.type):
            return Outputs(logits, embedding)
        return Outputs(logits.to(dtype), embedding.to(dtype))

    def _ordered(self, logits: Tensor) -> Tensor:
        assert self.order is not None
        if max(self.order) >= logits.shape[1]:
            name = name_of(self.module)
            raise ValueError(
                f"order names logit {max(self.order)}, {name} has {logits.shape[1]} (0..{logits.shape[1] - 1})"
            )
        return logits[:, list(self.order)]

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
    channels: int | None = None,
    resize: tuple[int, int] | None = None,
    order: tuple[int, ...] | None = None,
    batch: int | None = None,
) -> nn.Module:
    """A model that returns `Outputs`, around any module that answers with logits.

    The module itself is not changed: same object, same weights, no hooks; and neither are the images, even if it works
    in place. It may answer with a tensor, a sequence that starts with the logits, a mapping or an object with `logits`,
    or `Outputs`. If a vector per image comes with the logits (second of two, or named `embedding`), that is the
    embedding; else it is the input of the layer that gives the logits: a linear layer, a 1 x 1 convolution (its input
    averaged over positions), or a matrix product. One logit z of a binary classifier becomes two, (0, z). A module in
    half precision gets half-precision images, and its outputs are converted back.

    Args:
        module: Maps images of shape (b, *shape) to logits (b, classes); parallel and compiled ones are unwrapped.
        shape: Size of one image, (channels, height, width); if given, the module is checked now, not at its first call.
        classes: Number of classes in the data; a module with another number is refused.
        head: Name of the layer whose input is the embedding, if it is another one; "none" for the logits themselves.
        mean: Per-channel mean that the module expects to be subtracted from pixels in [0, 1].
        std: Per-channel standard deviation that it expects them to be divided by.
        channels: Channels that the module takes, 1 or 3; images of the other kind are converted inside.
        resize: Height and width that the module takes; other images are resized inside, so that eps stays in the
            user's pixels.
        order: For each class of the data, the position of its logit: for classes in another order, or some of many.
        batch: The only batch size that the module is made for; other batches are split and filled up.

    Returns:
        The module itself if it returns `Outputs` and nothing is changed on the way, else a wrapper around it.

    Raises:
        ValueError: if the module refuses the images, returns probabilities or a wrong shape, or has no layer to take
            the embedding from; says which option mends it.
    """
    inner = unwrapped(module)
    adapted = Adapted(inner, classes, head, Statistics(mean, std), Preprocess(channels, resize), order, batch)
    like = next(inner.parameters(), torch.empty(0))
    adapted.preprocess.to(like.device)
    adapted.normalise.to(like.device)
    if shape is None:
        return adapted
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0)).to(like.device)
    with torch.no_grad():
        adapted.format = adapted.detect(adapted.prepared(x))
    return module if adapted.format.kind == "outputs" and adapted.transparent and inner is module else adapted


def unwrapped(module: nn.Module) -> nn.Module:
    """The network inside wrappers that run it in parallel or compiled: their layers cannot be followed."""
    parallel = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while True:
        if isinstance(module, parallel):
            module = module.module
        elif isinstance(getattr(module, "_orig_mod", None), nn.Module):
            module = module._orig_mod  # pyright: ignore[reportAssignmentType]
        else:
            return module


def floating_dtype(module: nn.Module) -> torch.dtype | None:
    """The type of a module's first floating-point weight, None if it has none."""
    return next((weight.dtype for weight in module.parameters() if weight.is_floating_point()), None)


def _filled(images: Tensor, batch: int) -> Tensor:
    """A batch of one size; the last image is repeated."""
    missing = batch - len(images)
    return torch.cat([images, images[-1:].expand(missing, *images.shape[1:])]) if missing else images


def _call(module: nn.Module, x: Tensor) -> Any:
    try:
        return module(x)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a foreign network raises
        raise ValueError(size_refusal(module, x, error)) from error
