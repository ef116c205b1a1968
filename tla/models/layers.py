"""Looking inside a model: its layers by name, and what goes in or comes out of them."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from tla.registry import did_you_mean

Heard = Callable[[str, Tensor, Tensor], None]
"""Called with a layer's name, its first input and its output."""

_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm)
_WEIGHTS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d)
_SILENT = (nn.Identity, nn.Flatten, nn.Dropout, nn.Dropout2d, nn.AlphaDropout, *_POOLS)


@contextlib.contextmanager
def listening(model: nn.Module, names: Sequence[str], heard: Heard) -> Iterator[None]:
    """Hear what passes through layers while the block runs, in this thread alone; no hook is left behind.

    Args:
        model: The model.
        names: Names of its layers, as `model.named_modules()` has them.
        heard: Called in order of execution, for every layer whose first input and output are tensors.

    Raises:
        ValueError: for a name that the model does not have.
    """
    modules = dict(model.named_modules())
    for name in names:
        if name not in modules:
            raise ValueError(f"unknown layer {name!r}; {did_you_mean(name, filter(None, modules))}")
    owner = threading.get_ident()

    def hook(name: str) -> Callable[[nn.Module, tuple, object], None]:
        def tell(module: nn.Module, inputs: tuple, output: object) -> None:
            given = inputs[0] if inputs else None
            if isinstance(given, Tensor) and isinstance(output, Tensor) and threading.get_ident() == owner:
                heard(name, given, output)

        return tell

    handles = []
    try:
        handles += [modules[name].register_forward_hook(hook(name)) for name in names]
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def layer_outputs(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """What layers put out in the last forward pass of the block, by name; gradients flow through it.

    `with layer_outputs(model, layer_names(model, x)) as outputs: model(x)`

    Args:
        model: The model.
        names: Names of its layers, see `layer_names`.

    Raises:
        ValueError: for a name that the model does not have.
    """
    outputs: dict[str, Tensor] = {}
    with listening(model, names, lambda name, _, output: outputs.__setitem__(name, output)):
        yield outputs


def layer_names(model: nn.Module, x: Float[Tensor, "b ..."]) -> tuple[str, ...]:
    """The layers worth comparing, in the order in which they speak: activations, whole blocks, means, and the head.

    A container is opened if it is a sequence, or holds more than half of the weights; a convolution or linear layer
    whose result is only normalised or activated speaks through that; pooling, dropout and reshaping do not speak.

    Args:
        model: Any torch module that takes x; it is run once as it is, without gradient.
        x: A few images, shape (b, ...).
    """
    modules = dict(model.named_modules())
    spoken: dict[str, None] = {}
    with torch.no_grad(), listening(model, _opened(model), lambda name, *_: spoken.setdefault(name)):
        model(x)
    names = [name for name in spoken if not isinstance(modules[name], _SILENT)]
    kept = []
    for place, name in enumerate(names):
        after = modules[names[place + 1]] if place + 1 < len(names) else None
        unfinished = isinstance(modules[name], _WEIGHTS + _NORMS) and after is not None
        if not (unfinished and (isinstance(after, _NORMS) or _is_activation(after))):
            kept.append(name)
    return tuple(kept)


def _opened(model: nn.Module) -> list[str]:
    """Names of the modules that are not opened any further."""
    total = sum(weight.numel() for weight in model.parameters())
    found: list[str] = []

    def walk(name: str, module: nn.Module) -> None:
        mine = sum(weight.numel() for weight in module.parameters())
        open_ = isinstance(module, nn.Sequential | nn.ModuleList) or module is model or 2 * mine > total
        children = list(module.named_children()) if open_ else []
        if not children:
            found.append(name)
        for child, part in children:
            walk(f"{name}.{child}" if name else child, part)

    walk("", model)
    return found


def _is_activation(module: nn.Module | None) -> bool:
    return module is not None and type(module).__module__ == "torch.nn.modules.activation"
