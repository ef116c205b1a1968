"""What a run writes to disk: the trained model, and everything needed to resume."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tla.config import from_dict, to_dict
from tla.files import read_sealed, write_sealed
from tla.models import Backbone, Start, build_model
from tla.models.external.start import rebuilt
from tla.store import DamagedFileError, replacing
from tla.types import Shape

SCHEMA = 1
HELP = "nothing was overwritten: restore the file, or delete it and train again"


class SavedModel(NamedTuple):
    """A model read from disk.

    Attributes:
        model: In evaluation mode, on the CPU, float32; returns `Outputs`.
        header: Its metadata: model (or given), shape, classes, method, config, seed, facts.
    """

    model: nn.Module
    header: dict[str, Any]


def describe(model: Backbone | Start, shape: Shape, classes: tuple[str, ...]) -> dict[str, Any]:
    """The part of a header from which the network can be rebuilt."""
    if isinstance(model, Start):
        return model.describe(shape, classes)
    return {"model": to_dict(model), "shape": list(shape), "classes": list(classes)}


def save_model(path: Path, model: nn.Module, header: Mapping[str, Any], *, half: bool = False) -> None:
    """Write weights and their header atomically to one safetensors file.

    Args:
        path: The file; replaced only once everything is written.
        model: The network.
        header: Plain values: what `describe` returns, and any other metadata.
        half: Write float16 (half the size; the rounding is far below the noise of training).

    Raises:
        OSError: without space or permission; the old file is unchanged.
    """
    write_weights(path, model.state_dict(), header, half=half)


def write_weights(path: Path, state: Mapping[str, Tensor], header: Mapping[str, Any], *, half: bool = False) -> None:
    """As `save_model`, for weights without their network.

    Args:
        path: As in `save_model`.
        state: The weights by name.
        header: As in `save_model`.
        half: As in `save_model`.

    Raises:
        OSError: as `save_model`.
    """
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    tensors = _unshared(tensors)
    if half:
        tensors = {name: v.half() if v.dtype == torch.float32 else v for name, v in tensors.items()}
    text = json.dumps({"schema": SCHEMA, **header, "weights": fingerprint(tensors)}, default=str)
    content = save(tensors, {"tla": text})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies where several names share memory, as tied weights do: the file holds each of its own."""
    seen: set[int] = set()
    found = {}
    for name, value in tensors.items():
        place = value.untyped_storage().data_ptr()
        found[name] = value.clone() if place in seen else value
        seen.add(place)
    return found


def load_model(path: Path, network: nn.Module | Start | None = None) -> SavedModel:
    """Read a model that `save_model` wrote, and rebuild its network.

    A model that was trained from given weights needs its network: code that a file names is not run. Without it only
    networks of torchvision, timm and ONNX files are built again.

    Args:
        path: The file.
        network: For a model trained from given weights, the network that was given, with any weights; it is copied.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFileError: if it is damaged or was not written by tla; names the file.
        ValueError: if the network is needed, or does not fit; says how to bring it.
    """
    header, tensors = read_weights(path)
    if "given" in header:
        return SavedModel(_started(path, header, tensors, network).eval(), header)
    try:
        shape = Shape(*header["shape"])
        model = build_model(from_dict(Backbone, header["model"]), shape, len(header["classes"]), seed=0)
        model.load_state_dict({n: v.float() if v.is_floating_point() else v for n, v in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DamagedFileError(f"{path}: not a model written by tla ({reason}); {HELP}") from None
    return SavedModel(model.eval(), header)


def _started(
    path: Path, header: dict[str, Any], tensors: Mapping[str, Tensor], network: nn.Module | Start | None
) -> nn.Module:
    try:
        model = network.fresh() if isinstance(network, Start) else rebuilt(header, network)
        model.load_state_dict({n: v.float() if v.is_floating_point() else v for n, v in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:400]
        other = "" if network is None else "the network is not the one that was trained: "
        raise ValueError(f"{path}: {other}{reason}") from None
    return model


def is_started(path: Path) -> bool:
    """True for a file of weights that `save_model` wrote after a training from given ones: it needs its network."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return "given" in json.loads((file.metadata() or {}).get("tla", "{}"))
    except (SafetensorError, OSError, ValueError, TypeError):
        return False


def read_weights(path: Path) -> "Weights":
    """The header and the tensors of a safetensors file that `save_model` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFileError: if it is damaged or was not written by tla; names the file.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such model file")
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("tla")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        header = None if text is None else json.loads(text)
    except (SafetensorError, OSError, ValueError) as error:
        raise DamagedFileError(f"{path}: cannot be read ({type(error).__name__}: {error}); {HELP}") from None
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise DamagedFileError(f"{path}: not a model written by tla (no header of schema {SCHEMA}); {HELP}")
    if header.get("weights") != fingerprint(tensors):
        raise DamagedFileError(f"{path}: the weights do not match their checksum; {HELP}")
    return Weights(header, tensors)


class Weights(NamedTuple):
    """A header of plain values and the tensors it describes."""

    header: dict[str, Any]
    tensors: dict[str, Tensor]


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write atomically everything needed to resume a run, after its SHA-256.

    Raises:
        OSError: without space or permission; the old file is unchanged.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_sealed(path, buffer.getbuffer())


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote; only tensors and plain values are unpickled.

    Raises:
        DamagedFileError: if the file is damaged or was not written by tla; names the file.
    """
    content = read_sealed(path)
    if content is None:
        raise DamagedFileError(f"{path}: damaged, or not a checkpoint written by tla; {HELP}")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
