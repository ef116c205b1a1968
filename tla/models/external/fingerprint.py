"""A fingerprint of a network: it changes with the weights and with the code of the network's classes."""

import hashlib
import inspect

import torch
from torch import nn


def fingerprint(network: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of the state, and over the source of classes from elsewhere."""
    found = hashlib.sha256()
    for name, value in network.state_dict().items():
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    for kind in dict.fromkeys(type(layer) for layer in network.modules()):
        if kind.__module__.partition(".")[0] not in ("torch", "torchvision", "tla"):
            found.update(_source(kind).encode())
    return found.hexdigest()


def _source(kind: type) -> str:
    """The text of a class's functions, which says more than its weights; their bytecode where no file is."""
    texts = [kind.__qualname__]
    for function in (found for found in vars(kind).values() if inspect.isfunction(found)):
        try:
            texts.append(inspect.getsource(function))
        except OSError:
            texts.append(function.__code__.co_code.hex())
    return "\n".join(texts)
