"""Networks from a user's own Python code: a function, a class without arguments, or the network itself."""

from typing import Any

from torch import nn

from tla.models.external.sources.loaded import Loaded, Wanted
from tla.named_code import called, named_object


def load(name: str, _: Wanted) -> Loaded:
    """The network that "package.module:function" or "PATH/file.py:function" names.

    Args:
        name: The function or class is called without arguments and returns a torch module; or it is the module itself.
            The working folder, and the folder of a file, are searched for what it imports.

    Raises:
        ValueError: if it is not found, cannot be imported or called, or is no network; says what was found.
    """
    with named_object(name) as found:
        return Loaded(_module(name, found))


def _module(name: str, found: Any) -> nn.Module:
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise ValueError(f"{name} must be a function that returns a torch module, got {type(found).__name__}")
    module = called(name, found)
    if not isinstance(module, nn.Module):
        raise ValueError(f"{name}() must return a torch module, got {type(module).__name__}")
    return module
