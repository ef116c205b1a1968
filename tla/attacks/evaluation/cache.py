"""Finished batches of an evaluation, saved so that it can resume after an interruption."""

import contextlib
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import pandas as pd
import torch
from torch import Tensor

from tla.attacks.evaluation.batch import BatchResult
from tla.config import digest
from tla.files import read_sealed, write_sealed
from tla.types import Model


@runtime_checkable
class Cache(Protocol):
    """Where finished batches are saved; a key is a digest of everything that the result depends on."""

    def load(self, key: str) -> BatchResult | None:
        """The result, or None if it was not saved."""
        ...

    def save(self, key: str, result: BatchResult) -> None:
        """Save a result."""
        ...


@dataclass(frozen=True)
class CacheFolder:
    """Results as files in a folder, written atomically with a checksum, read without executing anything.

    Args:
        path: The folder; created on the first write. `clear` it once the table is saved.
    """

    path: Path
    _used: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def load(self, key: str) -> BatchResult | None:
        """The result, or None if it was not saved or cannot be read (it is then recomputed)."""
        from safetensors.torch import load

        table, arrays = (read_sealed(file) for file in self._files(key))
        if table is None or (arrays is None and self._files(key)[1].exists()):
            return None
        try:
            frame = pd.read_parquet(io.BytesIO(table))
            seconds = float(frame["seconds"].iloc[0])
            images = None if arrays is None else load(arrays)["images"]
        except Exception:  # each reader raises its own errors for a file that another version wrote
            return None
        self._used.add(key)
        return BatchResult(str(frame["attack"].iloc[0]), frame.drop(columns="seconds"), seconds, images)

    def save(self, key: str, result: BatchResult) -> None:
        """Write the images first and the table last: without its table a result does not exist."""
        from safetensors.torch import save

        table, arrays = self._files(key)
        if result.images is not None:
            write_sealed(arrays, save({"images": result.images.contiguous()}))
        write_sealed(table, result.frame.assign(seconds=result.seconds).to_parquet(index=False))
        self._used.add(key)

    def _files(self, key: str) -> tuple[Path, Path]:
        """The table of a result, and its images."""
        return self.path / f"{key}.table", self.path / f"{key}.images"

    def clear(self) -> None:
        """Delete the results that were loaded or saved here; those of another, unfinished evaluation stay."""
        for key in self._used:
            for file in self._files(key):
                file.unlink(missing_ok=True)
        self._used.clear()
        with contextlib.suppress(OSError):  # not empty, or never created
            self.path.rmdir()


def fingerprint(*tensors: Tensor) -> str:
    """Digest of the data types, shapes and values of tensors; 16 hexadecimal digits."""
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
