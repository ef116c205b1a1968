"""Weights from a file: every one must fit, or nothing is loaded."""

import argparse
import pickle  # noqa: TID251 (only its error class; torch reads with weights_only)
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tla.messages import first_line

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".th", ".tar", ".pth.tar")
WRAPPERS = ("state_dict", "model", "model_state_dict", "ema")
"""Keys under which a state dict may lie, the first that is there is taken."""
PREFIXES = ("module.", "model.", "net.", "_orig_mod.")
LISTED = 5
PLAIN = [argparse.Namespace, np.dtype, np.float64, np.float32, np.int64, type(np.dtype("f8")), type(np.dtype("f4"))]
"""Plain values that often lie beside the weights; reading them runs nobody's code."""


class StateDict(NamedTuple):
    """Weights of a file by name, and where in the file they were."""

    tensors: dict[str, Tensor]
    key: str


def is_weight_file(name: str) -> bool:
    """True for a name that ends as a file of weights does."""
    return name.lower().endswith(SUFFIXES)


def load_weights(module: nn.Module, path: Path) -> tuple[str, ...]:
    """Put the weights of a file into a network, after checking that each fits.

    Args:
        module: The network; its own names decide.
        path: A .safetensors file, or one that `torch.save` wrote (only tensors and plain values are read). The state
            dict may lie under one of `WRAPPERS`, its names may begin with `PREFIXES`.

    Returns:
        Remarks on what was read.

    Raises:
        ValueError: if the file cannot be read or holds no state dict, or if weights are missing, left over or of
            another shape (the network is then unchanged); lists them.
    """
    found = read_state_dict(path)
    own = module.state_dict()
    tensors = renamed(found.tensors, own)
    missing = [name for name in own if name not in tensors and not name.endswith("num_batches_tracked")]
    left = [name for name in tensors if name not in own]
    shapes = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    wrong = [
        f"{what}: {_some(names)}"
        for what, names in (("missing", missing), ("left over", left), ("of another shape", shapes))
        if names
    ]
    if wrong:
        raise ValueError(f"{path} does not fit {type(module).__name__}, nothing was loaded; {'; '.join(wrong)}")
    module.load_state_dict(tensors, strict=False)
    return (f"weights from {path}, key {found.key!r}",) if found.key else ()


def read_state_dict(path: Path) -> StateDict:
    """The tensors of a file, by name.

    Raises:
        ValueError: if the file is missing, damaged, a pickled network, or holds no tensors; says what it holds.
    """
    if not path.is_file():
        raise ValueError(f"no file of weights {path}")
    content = _safetensors(path) if path.suffix.lower() == ".safetensors" else _pickled(path)
    key = ""
    for word in WRAPPERS:
        inside = content.get(word) if isinstance(content, Mapping) else None
        if isinstance(inside, Mapping) and any(isinstance(value, Tensor) for value in inside.values()):
            content, key = inside, word
            break
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} must hold a state dict, got {type(content).__name__}: save model.state_dict()")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        known = ", ".join(map(repr, list(content)[:LISTED])) or "nothing"
        raise ValueError(f"{path} holds no weights: looked for tensors, also under {', '.join(WRAPPERS)}; has {known}")
    return StateDict(tensors, key)


def _safetensors(path: Path) -> Mapping[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {first_line(error)}") from None


def _pickled(path: Path) -> Any:
    """What `torch.save` wrote, tensors and plain values only."""
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([*PLAIN, *_scalar()]):
            warnings.simplefilter("ignore")  # a TorchScript archive is reported below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path} {_unread(error)}") from None
    except Exception as error:  # a damaged file may raise anything
        raise ValueError(f"{path} cannot be read: {first_line(error)}") from None
    if isinstance(content, torch.jit.ScriptModule):
        raise ValueError(f"{path} holds a TorchScript network, not weights: name it as the model itself")
    return content


def _scalar() -> list[Any]:
    from numpy._core import multiarray  # numpy's scalars are pickled through it

    return [multiarray.scalar]


def _unread(error: BaseException) -> str:
    text = str(error)
    if "Unsupported global" in text:
        named = text.split("Unsupported global: GLOBAL ")[-1].split(" ")[0]
        return f"holds pickled objects ({named}), which are not read as that would run code: save model.state_dict()"
    return f"cannot be read: {first_line(error)}"


def renamed(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a file by the network's names: prefixes of wrappers are taken off until a name is its own.

    Args:
        tensors: By the file's names.
        own: The state of the network.
    """
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        short = name
        while short not in own and short.startswith(PREFIXES):
            short = next(short[len(prefix) :] for prefix in PREFIXES if short.startswith(prefix))
        if short in found:
            short = name  # two weights of one name: the second is left over
        found[short] = value
    return found


def _some(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
