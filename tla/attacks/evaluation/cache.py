"""Finished batches of an evaluation, saved so that it can resume after an interruption."""

import contextlib
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import pandas as pd
import torch
from torch import Tensor

from tla.attacks.evaluation.batch import BatchResult
from tla.config import digest
from tla.files import replacing
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
    """Results as files in a folder, written atomically, read without executing anything.

    Args:
        path: The folder; created on the first write. `clear` it once the table is saved.
    """

    path: Path
    _used: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def load(self, key: str) -> BatchResult | None:
        """The result, or None if it was not saved or cannot be read (it is then recomputed)."""
        from safetensors.torch import load_file

        table, arrays = self.path / f"{key}.parquet", self.path / f"{key}.safetensors"
        try:
            frame = pd.read_parquet(table)
            seconds = float(frame["seconds"].iloc[0])
            images = load_file(arrays)["images"] if arrays.exists() else None
        except Exception:  # each reader raises its own errors for a damaged file
            return None
        self._used.add(key)
        return BatchResult(str(frame["attack"].iloc[0]), frame.drop(columns="seconds"), seconds, images)

    def save(self, key: str, result: BatchResult) -> None:
        """Write the images first and the table last: without its table a result does not exist."""
        from safetensors.torch import save_file

        if result.images is not None:
            with replacing(self.path / f"{key}.safetensors") as temporary:
                save_file({"images": result.images.contiguous()}, temporary)
        with replacing(self.path / f"{key}.parquet") as temporary:
            result.frame.assign(seconds=result.seconds).to_parquet(temporary, index=False)
        self._used.add(key)

    def clear(self) -> None:
        """Delete the results that were loaded or saved here; those of another, unfinished evaluation stay."""
        for key in self._used:
            for suffix in ("parquet", "safetensors"):
                (self.path / f"{key}.{suffix}").unlink(missing_ok=True)
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
