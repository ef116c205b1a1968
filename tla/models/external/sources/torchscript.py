"""Networks that were compiled to TorchScript."""

import warnings
from pathlib import Path

import torch

from tla.messages import first_line
from tla.models.external.sources.loaded import Loaded, Wanted


def load(name: str, _: Wanted) -> Loaded:
    """The TorchScript network of a file; its layers cannot be looked into, so that its head is "none" or in its answer.

    Raises:
        ValueError: if there is no such file, or it holds something else: weights alone need the network they belong to.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise ValueError(f"no file {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # deprecated, and yet what such files need
            module = torch.jit.load(path, map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path} is not a TorchScript network ({first_line(error)}): if it holds weights, say of which network, "
            f"as in {path}@package.module:function"
        ) from None
    return Loaded(module)
