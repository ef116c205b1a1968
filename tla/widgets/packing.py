"""Plain values and binary columns in one block of bytes, as `modules/packing.js` reads it."""

import json
import struct
from typing import Any

import numpy as np

TYPES = ("uint8", "uint16", "uint32", "int32", "float32", "float64")


def pack(tree: Any) -> bytes:
    """Plain values (dict, list, str, numbers, None) in which arrays and bytes may stand anywhere.

    Args:
        tree: Arrays are flattened; their type must be one of `TYPES`.

    Returns:
        The length of the text, the text, then the columns, each at a multiple of eight bytes.

    Raises:
        ValueError: for an array of another type.
    """
    columns: list[bytes] = []
    size = 0

    def plain(value: Any) -> Any:
        nonlocal size
        if isinstance(value, dict):
            return {str(key): plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        if isinstance(value, bytes):
            value = np.frombuffer(value, np.uint8)
        if isinstance(value, np.generic):
            return value.item()
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype.name not in TYPES:
            raise ValueError(f"a column must be of type {', '.join(TYPES)}, got {value.dtype.name}")
        content = np.ascontiguousarray(value).tobytes()
        place, padding = size, -len(content) % 8
        columns.append(content + bytes(padding))
        size += len(content) + padding
        return {"$": [value.dtype.name, place, value.size]}

    text = json.dumps(plain(tree), separators=(",", ":"), allow_nan=False).encode()
    head = struct.pack("<I", len(text)) + text
    return b"".join([head, bytes(-len(head) % 8), *columns])


def to_bits(mask: np.ndarray) -> bytes:
    """A mask as bits, the first in the lowest bit; nothing if nothing is selected."""
    return np.packbits(mask, bitorder="little").tobytes() if mask.any() else b""


def from_bits(bits: bytes, n: int) -> np.ndarray:
    """The mask of n entries that `to_bits` gave; missing bits are False."""
    found = np.unpackbits(np.frombuffer(bits, np.uint8), count=None, bitorder="little")[:n].astype(bool)
    return np.pad(found, (0, n - len(found)))
