"""Finds the layer that gives a network's logits; its input is the embedding."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from tla.messages import did_you_mean

NO_LAYER = "none"
"""As a head: no layer; the logits are the embedding too."""
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
CLOSE = 1e-3
LISTED = 8


class Head(NamedTuple):
    """Where the embedding is taken.

    Attributes:
        name: Name of the layer whose input it is; "none" for the logits themselves.
        pooled: What of that input is averaged: nothing, positions of a feature map, or tokens.
        several: True if the layer is called several times and the logits are the mean of its outputs.
    """

    name: str
    pooled: Literal["nothing", "positions", "tokens"] = "nothing"
    several: bool = False

    def embedding(self, inputs: list[Tensor]) -> Tensor:
        """One row per image from the inputs of all calls of one forward pass."""
        rows = [_pool(first, self.pooled) for first in inputs]
        return torch.stack(rows).mean(0) if self.several else rows[-1]


class Call(NamedTuple):
    """One call of a layer: its first input and its output, each as they were at that moment."""

    name: str
    input: Tensor
    output: Tensor


@contextlib.contextmanager
def inputs_of(module: nn.Module, name: str) -> Iterator[list[Tensor]]:
    """Collect copies of a layer's first input while the block runs, in this thread only; leaves no hook.

    Copies, as networks may change them in place afterwards.
    """
    found: list[Tensor] = []
    owner = threading.get_ident()

    def before(_: nn.Module, inputs: tuple) -> None:
        if inputs and isinstance(inputs[0], Tensor) and threading.get_ident() == owner:
            found.append(inputs[0].clone())

    handle = layers_of(module)[name].register_forward_pre_hook(before)
    try:
        yield found
    finally:
        handle.remove()


@contextlib.contextmanager
def recording(module: nn.Module) -> Iterator[list[Call]]:
    """Collect the calls of all layers while the block runs, in this thread only; leaves no hook."""
    calls: list[Call] = []
    handles, owner = [], threading.get_ident()
    try:
        for name, layer in module.named_modules():
            if name:
                handles += _recorded(name, layer, calls, owner)
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _recorded(name: str, layer: nn.Module, calls: list[Call], owner: int) -> list:
    started: list[Tensor | None] = []
    dense = is_dense(layer)

    def before(_: nn.Module, inputs: tuple) -> None:
        first = inputs[0] if inputs and threading.get_ident() == owner else None
        started.append((first.detach().clone() if dense else first) if isinstance(first, Tensor) else None)

    def after(_: nn.Module, inputs: tuple, output: object) -> None:
        first = started.pop() if started else None
        if first is not None and isinstance(output, Tensor):
            calls.append(Call(name, first, output.detach().clone() if dense else output))

    try:
        return [layer.register_forward_pre_hook(before), layer.register_forward_hook(after)]
    except RuntimeError:  # compiled to TorchScript
        return []


def layers_of(module: nn.Module) -> dict[str, nn.Module]:
    """All layers by name; a shared layer under each of its names."""
    return dict(module.named_modules(remove_duplicate=False))


def is_dense(layer: nn.Module) -> bool:
    """True for layers that can give logits: linear ones, convolutions, and the matrix products of converted graphs."""
    return isinstance(layer, (nn.Linear, *CONVOLUTIONS)) or type(layer).__name__ in ("OnnxMatMul", "OnnxGemm")


def named_head(module: nn.Module, name: str, calls: list[Call], logits: Tensor) -> Head:
    """The head called `name`.

    Raises:
        ValueError: for an unknown layer, or one that is not called or takes no tensor with a row per image; lists
            layers and the widths of their inputs.
    """
    layers = layers_of(module)
    if name == NO_LAYER and name not in layers:
        return Head(NO_LAYER)
    if name not in layers or not name:
        known = {call.name for call in calls} or set(filter(None, layers))
        close = did_you_mean(name, known).split("Known:")[0].strip()
        raise ValueError(f"unknown layer {name!r}; {close} {_listed(calls, len(logits))}".replace("  ", " "))
    twin = next(known for known, layer in layers.items() if layer is layers[name])
    mine = [call for call in calls if call.name == twin]
    if not mine or len(mine[-1].input) != len(logits):
        why = (
            "is not called with a tensor" if not mine else f"takes {len(mine[-1].input)} rows for {len(logits)} images"
        )
        raise ValueError(f"layer {name!r} {why}: it gives no embedding. {_listed(calls, len(logits))}")
    found = _fitting(layers[name], mine, logits) if is_dense(layers[name]) else None
    return Head(name) if found is None else found._replace(name=name)


def find_head(module: nn.Module, calls: list[Call], logits: Tensor) -> Head:
    """The layer that gives the logits.

    First the last dense layer (see `is_dense`) whose output is the logits, up to a bias and pooling; else the last
    dense layer called, if its output has the shape of the logits (a temperature, a log-softmax or a ReLU may follow);
    else any layer with weights of its own whose output is the logits.

    Raises:
        ValueError: if there is none; lists layers and the widths of their inputs.
    """
    layers = layers_of(module)
    dense = [call for call in calls if is_dense(layers[call.name])]
    for name in dict.fromkeys(call.name for call in reversed(dense)):
        mine = [call for call in dense if call.name == name]
        found = _fitting(layers[name], mine, logits)
        if found is not None and _same(found, mine, logits):
            return found
    if dense:
        found = _fitting(layers[dense[-1].name], dense[-1:], logits)
        if found is not None:
            return found
    for call in reversed(calls):
        own = next(layers[call.name].parameters(recurse=False), None) is not None
        if own and call.output.shape == logits.shape and torch.equal(call.output, logits):
            return Head(call.name)
    raise ValueError(_nothing_found(module, dense, calls, logits))


def _nothing_found(module: nn.Module, dense: list[Call], calls: list[Call], logits: Tensor) -> str:
    name = str(getattr(module, "original_name", type(module).__name__))
    help_ = (
        f"return (logits, embedding), or name the layer whose input is the embedding with head, or head={NO_LAYER!r}"
    )
    help_ += " for the logits themselves"
    if any(isinstance(layer, torch.jit.ScriptModule) for layer in module.modules()):
        return f"{name} is compiled to TorchScript, which hides the inputs of its layers: {help_}"
    if not dense:
        return f"{name} calls no nn.Linear whose input could be the embedding: {help_}. {_listed(calls, len(logits))}"
    last = dense[-1]
    what = f"{last.name!r} returns {tuple(last.output.shape)}, the logits are {tuple(logits.shape)}"
    return f"{name}: its last linear layer does not return the logits ({what}): {help_}. {_listed(calls, len(logits))}"


def _fitting(layer: nn.Module, calls: list[Call], logits: Tensor) -> Head | None:
    """A head whose output can be the logits by its shape; None if it cannot."""
    if not calls:
        return None
    out, first = calls[-1].output, calls[-1].input
    classes = logits.shape[1] if logits.ndim == 2 else 1
    axis = 1 if isinstance(layer, CONVOLUTIONS) else -1
    if len(out) != len(logits) or len(first) != len(logits) or out.ndim < 2 or out.shape[axis] != classes:
        return None
    head = Head(calls[-1].name)
    if out.ndim > 2 and first.ndim == out.ndim:
        head = head._replace(pooled="tokens" if axis == -1 else "positions")
    elif out.ndim > 2 or first.ndim != 2:
        return None
    if len(calls) > 1 and not _same(head, calls, logits) and _same(head._replace(several=True), calls, logits):
        return head._replace(several=True)
    return head


def _same(head: Head, calls: list[Call], logits: Tensor) -> bool:
    """True where the outputs are the logits up to the same amount for all images (a bias that is added later)."""
    rows = [_pool(call.output, head.pooled).float() for call in calls]
    out = (torch.stack(rows).mean(0) if head.several else rows[-1]).reshape(len(logits), -1)
    target = logits.float().reshape(len(logits), -1)
    if out.shape != target.shape:
        return False
    if torch.equal(out, target):
        return True
    gap, spread = target - out, float((target - target.mean(0)).abs().max())
    return len(target) > 1 and float((gap - gap.mean(0)).abs().max()) <= CLOSE * spread


def _pool(values: Tensor, pooled: str) -> Tensor:
    if pooled == "positions":
        return values.flatten(2).mean(2)
    return values.flatten(1, -2).mean(1) if pooled == "tokens" else values.flatten(1)


def _listed(calls: list[Call], count: int) -> str:
    """The last layers called, and the widths of their inputs."""
    widths = {call.name: call.input.flatten(1).shape[1] for call in calls if len(call.input) == count}
    if not widths:
        return "No layer of it takes a tensor with a row per image"
    shown = list(widths.items())[-LISTED:]
    more = f" and {len(widths) - len(shown)} before them" if len(widths) > len(shown) else ""
    return "Layers and the widths of their inputs: " + ", ".join(f"{name} ({width})" for name, width in shown) + more
