"""Looking inside a model: what goes in and comes out of its layers, by name."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor, nn

from tla.messages import did_you_mean

Heard = Callable[[str, Tensor, Tensor], None]
"""Called with a layer's name, its first input and its output."""


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
