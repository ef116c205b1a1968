"""Reading files: manifest, tables and arrays of a study, and NumPy's own. Does not import torch."""

import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any


class DamagedFileError(ValueError):
    """A file cannot be read or contradicts the manifest; nothing was overwritten."""


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


def read_npy(file: Path, *, mapped: bool = False) -> np.ndarray:
    """The array of a .npy file; nothing in it is unpickled.

    Args:
        file: The file.
        mapped: Leave the numbers in the file: the system reads a part when it is looked at, and may forget it again.
            Writing to the array changes nothing in the file; writing to the file changes the array.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFileError: if it cannot be read or is an archive; names it and the reason.
    """
    content = _numpy(file, ".npy", mapped)
    if isinstance(content, dict):
        raise DamagedFileError(f"{file}: must hold one array (np.save), got an archive of {len(content)} (np.savez)")
    return content


def read_npz(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz file by name; nothing in it is unpickled.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFileError: if it cannot be read or is a lone array; names it and the reason.
    """
    content = _numpy(file, ".npz")
    if not isinstance(content, dict):
        raise DamagedFileError(f"{file}: must hold an archive of arrays (np.savez), got one array (np.save)")
    return content


def _numpy(file: Path, form: str, mapped: bool = False) -> np.ndarray | dict[str, np.ndarray]:
    try:
        with file.open("rb") as opened:
            content = np.load(file if mapped else opened, mmap_mode="c" if mapped else None, allow_pickle=False)
            is_array = isinstance(content, np.ndarray)
            return np.asarray(content) if is_array else {name: content[name] for name in content.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # zip, zlib, tokenizer and array each raise their own on damaged bytes
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if "Object arrays" in reason:
            reason = "it holds objects, which are never unpickled"
        elif "allow_pickle" in reason:  # any bytes that do not begin as NumPy's are taken for a pickle
            reason = "it is no such file, or damaged"
        raise DamagedFileError(f"{file}: cannot be read as {form} ({reason})") from None


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
    return zlib.crc32(raw(values), zlib.crc32(head, total))


def raw(values: np.ndarray) -> memoryview:
    """The bytes of an array in C order; without a copy if that is how it lies in memory."""
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
