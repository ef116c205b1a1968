"""Finished pieces of an evaluation, kept so that it can be interrupted and go on."""

import contextlib
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import pandas as pd
import torch
from torch import Tensor

from tla.config import digest
from tla.files import replacing
from tla.types import Model


@dataclass(frozen=True, eq=False)
class BatchResult:
    """One attack on one batch of images.

    Attributes:
        label: Of the attack.
        frame: Rows of the table.
        seconds: What it took.
        images: Adversarial images, shape (b, ...); None if they were not asked for.
    """

    label: str
    frame: pd.DataFrame
    seconds: float
    images: Tensor | None = None

    def table(self) -> pd.DataFrame:
        """The rows, with the seconds as an attribute."""
        frame = self.frame.copy()
        frame.attrs = {"seconds": {self.label: self.seconds}}
        return frame


@runtime_checkable
class Cache(Protocol):
    """Where finished parts are kept; a key is a digest of everything that a part depends on."""

    def load(self, key: str) -> BatchResult | None:
        """The part, if it is there."""
        ...

    def save(self, key: str, part: BatchResult) -> None:
        """Keep a part."""
        ...


@dataclass(frozen=True)
class CacheFolder:
    """Parts as files of a folder, written safely, read without executing anything.

    Args:
        path: The folder; made on the first write. `clear` it when the table is safe.
    """

    path: Path
    _used: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def load(self, key: str) -> BatchResult | None:
        """The part, if it is there, whole, and readable; else it is made anew."""
        from safetensors.torch import load_file

        table, arrays = self.path / f"{key}.parquet", self.path / f"{key}.safetensors"
        try:
            frame = pd.read_parquet(table)
            seconds = float(frame["seconds"].iloc[0])
            images = load_file(arrays)["images"] if arrays.exists() else None
        except Exception:  # every reader has its own kinds of damage; a damaged part is no part
            return None
        self._used.add(key)
        return BatchResult(str(frame["attack"].iloc[0]), frame.drop(columns="seconds"), seconds, images)

    def save(self, key: str, part: BatchResult) -> None:
        """Write the images first and the table last: a part without its table is not there."""
        from safetensors.torch import save_file

        if part.images is not None:
            with replacing(self.path / f"{key}.safetensors") as temporary:
                save_file({"images": part.images.contiguous()}, temporary)
        with replacing(self.path / f"{key}.parquet") as temporary:
            part.frame.assign(seconds=part.seconds).to_parquet(temporary, index=False)
        self._used.add(key)

    def clear(self) -> None:
        """Delete the parts that were read or written here; those of another, unfinished evaluation stay."""
        for key in self._used:
            for suffix in ("parquet", "safetensors"):
                (self.path / f"{key}.{suffix}").unlink(missing_ok=True)
        self._used.clear()
        with contextlib.suppress(OSError):  # not empty, or never made
            self.path.rmdir()


def fingerprint(*tensors: Tensor) -> str:
    """Digest of the content of tensors: types, shapes and values; 16 hexadecimal digits."""
    state = hashlib.sha256()
    for tensor in tensors:
        tensor = tensor.detach().cpu().contiguous()
        state.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        state.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return state.hexdigest()[:16]


def model_fingerprint(model: Model) -> str:
    """Digest of a model's class and weights."""
    state = model.state_dict()
    return digest([type(model).__qualname__, list(state), fingerprint(*state.values())])
