"""Where given networks come from: one table, from the word before the colon to the module that loads it."""

import importlib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from tla.models.external.sources.loaded import Loaded, Wanted
from tla.models.external.weight_files import is_weight_file, load_weights

SOURCES = {
    "torchvision": "torchvision_models",
    "timm": "timm_models",
    "hf": "hugging_face",
    "robustbench": "robustbench_models",
    "onnx": "onnx_files",
}
"""Word before the colon, and the module of this folder whose `load` takes what follows it."""
CODELESS = ("torchvision", "timm", "onnx")
"""Sources that execute no code of whoever wrote the name."""
FORMS = (
    "package.module:function, PATH/file.py:function, PATH.pth@ one of these, torchvision:NAME, timm:NAME, "
    "hf:ORG/NAME, robustbench:NAME, FILE.onnx, or FILE.pt of TorchScript"
)


def load(name: str, classes: int | None, weights: str | None) -> Loaded:
    """The network called `name`, with weights.

    Args:
        name: See `FORMS`; "PATH.pth@NAME" is the network NAME with the weights of a file.
        classes: Number of classes of the data, for networks that come without weights.
        weights: A file of weights, or the name of trained weights that the source knows ("DEFAULT").

    Raises:
        ValueError: if the name is not found, or the weights do not fit.
        ModuleNotFoundError: if the source's package is not installed; gives the pip command.
    """
    name, weights = parted(name, weights)
    if weights is None or not is_weight_file(weights):
        return _loaded(name, Wanted(classes, weights))
    loaded = _loaded(name, Wanted(classes))
    remarks = load_weights(loaded.module, Path(weights).expanduser())
    return loaded._replace(remarks=(*loaded.remarks, *remarks))


class NamedParts(NamedTuple):
    """A network's name without its weights, and the weights."""

    network: str
    weights: str | None


def parted(name: str, weights: str | None = None) -> NamedParts:
    """The network and the weights that "PATH.pth@NAME" names; any other name is the network.

    Args:
        name: As in `load`.
        weights: As in `load`.

    Raises:
        ValueError: if weights are named twice, or their network is not named.
    """
    file, found, network = name.partition("@")
    if not found or not is_weight_file(file):
        return NamedParts(name, weights)
    if weights is not None:
        raise ValueError(f"{name} names its weights already; weights = {weights!r} names others")
    if not network:
        raise ValueError(f"{file}@ must be followed by the network that the weights belong to: {FORMS}")
    return NamedParts(network, file)


def architecture_of(name: str) -> str:
    """The name of a network without weights: "torchvision:resnet18" of "best.pth@torchvision:resnet18"."""
    network = parted(name).network
    return network.partition(".")[0] if network.startswith("timm:") else network


def runs_no_code(name: str) -> bool:
    """True if the network is built by an installed package from a name or a graph: no code that the name names."""
    network = parted(name).network
    word, colon, _ = network.partition(":")
    return word in CODELESS if colon else network.lower().endswith(".onnx")


def _loaded(name: str, wanted: Wanted) -> Loaded:
    word, colon, rest = name.partition(":")
    if colon and word in SOURCES:
        if not rest:
            raise ValueError(f"{name} must name a network after the colon: {FORMS}")
        return _module(SOURCES[word]).load(rest, wanted)
    if name.lower().endswith(".onnx"):
        return _module("onnx_files").load(name, wanted)
    source, _, attribute = name.rpartition(":")
    code = bool(source and attribute)
    if wanted.weights is not None and code:
        raise ValueError(
            f"weights must be a file (.safetensors, .pt, .pth), got {wanted.weights!r}: names of trained weights apply "
            f"to torchvision and timm only, {name!r} has its own"
        )
    if code:
        try:
            return _module("python_code").load(name, wanted)
        except ValueError as error:
            raise ValueError(f"{error}{_near(word)}") from error.__cause__
    if is_weight_file(name):
        if name.lower().endswith(".safetensors"):
            raise ValueError(f"{name} holds weights only: say of which network, as in {name}@package.module:function")
        return _module("torchscript").load(name, wanted)
    raise ValueError(f"model must be {FORMS}, got {name!r}{_near(word)}")


def _near(word: str) -> str:
    """A hint for a mistyped source."""
    close = get_close_matches(word, SOURCES, n=1, cutoff=0.75)
    return f"; did you mean {close[0]}:NAME?" if close else ""


def _module(name: str) -> Any:
    return importlib.import_module(f"tla.models.external.sources.{name}")
