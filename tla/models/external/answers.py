"""What networks answer with: logits, and perhaps an embedding, in one of many forms."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tla.types import Outputs

_VIEWS = ("View", "Squeeze", "Unsqueeze", "Select", "Slice", "Alias", "Reshape", "Clone", "ToCopy", "Cat", "Permute")


class Answer(NamedTuple):
    """The parts of an answer that are used.

    Attributes:
        logits: As returned, before anything is done to them.
        embedding: The embedding, if the network returns one.
        ours: True if the answer is `Outputs`.
    """

    logits: Tensor
    embedding: Tensor | None
    ours: bool


def read(result: Any, module: nn.Module, count: int) -> Answer:
    """The logits, and the embedding if there is one, of a tensor, a sequence, a mapping or an object with `.logits`.

    Args:
        result: What the network returned.
        module: The network, for messages.
        count: Number of images.

    Raises:
        ValueError: for any other answer, or logits that are not floats of shape (count, classes) or (count,).
    """
    if isinstance(result, Outputs):
        checked = _embedding(result.embedding, count)
        if checked is None:
            raise ValueError(f"{name_of(module)}: the embedding must have shape ({count}, d), got {_shape(result[1])}")
        return Answer(_logits(result.logits, module, count), checked, ours=True)
    if isinstance(result, Tensor):
        return Answer(_logits(result, module, count), None, ours=False)
    if isinstance(result, Mapping) and "logits" in result:
        found, beside = result["logits"], result.get("embedding")
    elif getattr(result, "logits", None) is not None:
        found, beside = getattr(result, "logits"), getattr(result, "embedding", None)  # noqa: B009 (a type of theirs)
    elif isinstance(result, tuple | list) and len(result) > 0:
        found, beside = result[0], result[1] if len(result) == 2 else None
    else:
        raise ValueError(
            f"{name_of(module)} must return logits, (logits, embedding) or Outputs, got {_described(result)}"
        )
    return Answer(_logits(found, module, count), _embedding(beside, count), ours=False)


def two_or_more(logits: Tensor) -> Tensor:
    """Logits of shape (b, classes); one logit z of a binary classifier becomes (0, z), whose softmax is sigmoid(z)."""
    column = logits.reshape(-1, 1) if logits.ndim == 1 else logits
    return torch.cat([torch.zeros_like(column), column], 1) if column.shape[1] == 1 else column


def refuse_probabilities(logits: Tensor, module: nn.Module, again: Tensor | None) -> None:
    """Refuse probabilities: a softmax by its sums, a sigmoid by the last operation.

    Args:
        logits: The first answer, without gradient.
        module: The network, for messages.
        again: The same answer with its graph, None if it has none.

    Raises:
        ValueError: if they are probabilities.
    """
    values = logits.float()
    if bool((values < 0).any()):
        return
    if values.ndim == 2 and values.shape[1] > 1 and bool((values.sum(1) - 1).abs().max() < 1e-3):
        raise ValueError(
            f"{name_of(module)} returns probabilities (every row is >= 0 and sums to 1): "
            "return the logits, without the softmax, which flattens the gradient that attacks climb"
        )
    if again is not None and _last_operation(again).startswith("Sigmoid"):
        raise ValueError(
            f"{name_of(module)} returns probabilities (its last operation is a sigmoid): "
            "return the logits, without the sigmoid, which flattens the gradient that attacks climb"
        )


def name_of(module: nn.Module) -> str:
    """The network's name in messages."""
    return str(getattr(module, "original_name", type(module).__name__))


def _logits(found: Any, module: nn.Module, count: int) -> Tensor:
    if not isinstance(found, Tensor) or not found.is_floating_point():
        got = found.dtype if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"{name_of(module)}: logits must be a tensor of floats, got {got}")
    if found.ndim not in (1, 2) or len(found) != count or (found.ndim == 2 and found.shape[1] < 1):
        wanted = f"({count}, classes >= 2)"
        raise ValueError(f"{name_of(module)}: logits must have shape {wanted}, got {tuple(found.shape)}{_hint(found)}")
    return found


def _hint(found: Tensor) -> str:
    if found.ndim == 4:
        return "; a network that answers per pixel is not a classifier, unless its maps are pooled"
    return ""


def _embedding(beside: Any, count: int) -> Tensor | None:
    """The second output, if it is one vector per image."""
    fits = isinstance(beside, Tensor) and beside.ndim == 2 and len(beside) == count and beside.is_floating_point()
    return beside if fits else None


def _last_operation(result: Tensor) -> str:
    """Name of the operation that made a tensor, reshaping aside."""
    made = result.grad_fn
    while made is not None and made.name().startswith(_VIEWS) and made.next_functions:
        made = made.next_functions[0][0]
    return "" if made is None else made.name()


def _described(result: Any) -> str:
    if isinstance(result, Mapping):
        return f"{type(result).__name__} with {', '.join(map(repr, result)) or 'nothing'}; name its logits 'logits'"
    return f"{type(result).__name__} of 0" if isinstance(result, tuple | list) else type(result).__name__


def _shape(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
