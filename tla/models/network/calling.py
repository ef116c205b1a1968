"""One call of a network that leaves the caller's images alone."""

from collections.abc import Callable
from typing import Any

from torch import Tensor


def on_copy(network: Callable[[Tensor], Any], x: Tensor) -> Any:
    """What a network returns for a copy of x: one that works in place would change the images of its caller.

    Args:
        network: A module, or any callable.
        x: Images; gradients flow through to them.
    """
    return network(x.clone())
