"""Inputs and outputs of a model's layers, by name."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor, nn

from tla.messages import did_you_mean

OnLayer = Callable[[str, Tensor, Tensor], None]
"""Called with a layer's name, its first input and its output."""


@contextlib.contextmanager
def listening(model: nn.Module, names: Sequence[str], on_layer: OnLayer) -> Iterator[None]:
    """Call a function with what passes through layers while the block runs, in this thread only; leaves no hook.

    Args:
        model: The model.
        names: Names of its layers, as in `model.named_modules()`.
        on_layer: Called in order of execution, for every layer whose first input and output are tensors.

    Raises:
        ValueError: for a layer that the model does not have.
    """
    modules = dict(model.named_modules())
    for name in names:
        if name not in modules:
            raise ValueError(f"unknown layer {name!r}; {did_you_mean(name, filter(None, modules))}")
    owner = threading.get_ident()

    def hook(name: str) -> Callable[[nn.Module, tuple, object], None]:
        def call(module: nn.Module, inputs: tuple, output: object) -> None:
            first = inputs[0] if inputs else None
            if isinstance(first, Tensor) and isinstance(output, Tensor) and threading.get_ident() == owner:
                on_layer(name, first, output)

        return call

    handles = []
    try:
        handles += [modules[name].register_forward_hook(hook(name)) for name in names]
        yield
    finally:
        for handle in handles:
            handle.remove()
