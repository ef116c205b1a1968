"""Pictures, compared by their mean difference."""

import base64
import io

import numpy as np

from nbcompare.difference import Difference

SILENT = 1e-5
CHANGED = 1e-2
LOCAL = 0.25
WINDOW = 64


def compare_pictures(stored: str | bytes, shown: str | bytes, *, grain: int = 1) -> list[Difference]:
    """Compare two PNG or JPEG files by the mean absolute difference of their pixels, on a scale of 0 to 1.

    Up to 1e-5 (a few smoothed edges) passes; more is pointed out. From 1e-2, or 0.25 within any square of 64 pixels, or
    for another size, the difference is fatal.

    Args:
        stored: The file in the notebook, as bytes or base64.
        shown: The new file.
        grain: Side of the squares that are averaged before comparing with 1e-2. Another computer has other fonts:
            their letters cost up to 0.02 pixel by pixel, but half a percent in squares of 8.
    """
    old, new = _pixels(stored), _pixels(shown)
    if old.shape != new.shape:
        return [Difference("", f"stored {_size(old)} pixels, got {_size(new)}", True)]
    gap = np.abs(old - new).mean(axis=2)
    mean, place = float(gap.mean()), float(_squares(gap, WINDOW).max())
    if mean <= SILENT:
        return []
    coarse = float(np.abs(_squares(old, grain) - _squares(new, grain)).mean())
    what = f"the mean difference of the pixels is {mean:.1e}, at most {place:.2f} in a square of {WINDOW} (of 1)"
    return [Difference("", what, coarse >= CHANGED or place >= LOCAL)]


def _squares(values: np.ndarray, side: int) -> np.ndarray:
    """Means over squares; the right and bottom edges are padded with the last column and row."""
    height, width = values.shape[:2]
    pad = [(0, -height % side), (0, -width % side)] + [(0, 0)] * (values.ndim - 2)
    padded = np.pad(values, pad, mode="edge")
    rows, columns = padded.shape[0] // side, padded.shape[1] // side
    return padded.reshape(rows, side, columns, side, *values.shape[2:]).mean(axis=(1, 3))


def _pixels(file: str | bytes) -> np.ndarray:
    from PIL import Image

    raw = base64.b64decode(file) if isinstance(file, str) else file
    picture = Image.open(io.BytesIO(raw)).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(paper, picture).convert("RGB"), dtype=np.float32) / 255


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
