"""Reading the files of a study: manifest, tables and arrays. Does not import torch."""

import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any


def is_manifest(value: Any) -> bool:
    """True for a list of steps, each with its fingerprint and files."""
    steps = value.get("steps") if isinstance(value, dict) else None
    return isinstance(steps, dict) and all(
        isinstance(step, dict)
        and isinstance(step.get("digest"), str)
        and isinstance(step.get("files"), dict)
        and all(isinstance(file, dict) and isinstance(file.get("bytes"), int) for file in step["files"].values())
        for step in steps.values()
    )


def read_table(file: Path) -> DataFrame:
    """A parquet file, its pages verified."""
    from pandas import read_parquet

    return read_parquet(file, page_checksum_verification=True)


def read_arrays(file: Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """A safetensors file, its numbers verified; one array at a time is in memory besides those asked for.

    Args:
        file: The file.
        names: The arrays to return; by default all.

    Raises:
        ValueError: if the numbers do not match the checksum.
        KeyError: for an array that is not there.
    """
    from safetensors import safe_open

    arrays, total = {}, 0
    with safe_open(file, "numpy") as content:
        known = sorted(content.keys())
        expected = (content.metadata() or {}).get("crc32")
        for name in known:
            values = content.get_tensor(name)
            total = _checksum_on(total, name, values)
            if names is None or name in names:
                arrays[name] = values
    if expected not in (None, f"{total:08x}"):
        raise ValueError("the checksum does not match the numbers")
    missing = sorted(set(names or ()) - set(known))
    if missing:
        raise KeyError(f"no array {', '.join(missing)}; it has: {', '.join(known)}")
    return arrays


def checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """CRC-32 over names, types, shapes and bytes."""
    total = 0
    for name in sorted(arrays):
        total = _checksum_on(total, name, arrays[name])
    return f"{total:08x}"


def _checksum_on(total: int, name: str, values: np.ndarray) -> int:
    head = f"{name} {values.dtype} {values.shape}".encode()
    return zlib.crc32(values.reshape(-1).view(np.uint8).data, zlib.crc32(head, total))
