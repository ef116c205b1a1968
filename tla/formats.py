"""Reading the files of a study: manifest, tables and arrays. Does not import torch."""

import zlib
from collections.abc import Mapping
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


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """A safetensors file, its numbers verified.

    Raises:
        ValueError: if they do not match the checksum.
    """
    from safetensors import safe_open

    with safe_open(file, "numpy") as content:
        arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 (not a mapping)
        expected = (content.metadata() or {}).get("crc32")
    if expected not in (None, checksum(arrays)):
        raise ValueError("the checksum does not match the numbers")
    return arrays


def checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """CRC-32 over names, types, shapes and bytes."""
    total = 0
    for name in sorted(arrays):
        head = f"{name} {arrays[name].dtype} {arrays[name].shape}".encode()
        total = zlib.crc32(arrays[name].reshape(-1).view(np.uint8).data, zlib.crc32(head, total))
    return f"{total:08x}"
