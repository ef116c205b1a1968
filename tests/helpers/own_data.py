"""Small data of one's own: tables of pictures, arrays, and pictures of every kind."""

import csv
import struct
import zlib
from pathlib import Path

import numpy as np


def write_table(folder: Path, file: Path, *, split: bool = False) -> None:
    """A table of the pictures below FOLDER/CLASS; with `split` the first of each class is for testing."""
    with file.open("w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["file", "label", *(["split"] if split else [])])
        for picture in sorted(folder.glob("*/*.png")):
            row = [str(picture.relative_to(file.parent)), picture.parent.name]
            rows.writerow([*row, *(["test" if picture.stem == "000" else "train"] if split else [])])


def arrays(n: int = 20, shape: tuple[int, ...] = (3, 5, 6), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random bytes of a shape, and labels of two classes in turn."""
    x = np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)
    return x, np.arange(n) % 2


def write_arrays(file: Path, **more: np.ndarray) -> None:
    """A .npz file with x and y."""
    x, y = arrays()
    np.savez(file, **({"x": x, "y": y} | more))


def write_deep_png(file: Path, values: np.ndarray) -> None:
    """A PNG of 16 bits per value, which Pillow cannot write in colour; shape (h, w) or (h, w, 2..4)."""
    kind = {2: 0, 3: {2: 4, 3: 2, 4: 6}.get(values.shape[-1])}[values.ndim]
    height, width = values.shape[:2]
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
