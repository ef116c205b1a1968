"""Pictures: the mean difference decides."""

import base64
import io

import numpy as np

from nbcompare.difference import Difference

SILENT = 1e-5
CHANGED = 1e-2


def compare_pictures(stored: str | bytes, shown: str | bytes) -> list[Difference]:
    """Compare two PNG or JPEG files by the mean absolute difference of their pixels, on a scale of 0 to 1.

    Up to 1e-5 (a handful of smoothed edges) passes; above it is pointed out; from 1e-2 on, or of another size, it is
    another picture.

    Args:
        stored: The file in the notebook, as bytes or base64.
        shown: The file that came now.
    """
    old, new = _pixels(stored), _pixels(shown)
    if old.shape != new.shape:
        return [Difference("", f"stored {_size(old)} pixels, came {_size(new)}", True)]
    mean = float(np.abs(old - new).mean())
    if mean <= SILENT:
        return []
    return [Difference("", f"the mean difference of the pixels is {mean:.1e} (of 1)", mean >= CHANGED)]


def _pixels(file: str | bytes) -> np.ndarray:
    from PIL import Image

    raw = base64.b64decode(file) if isinstance(file, str) else file
    picture = Image.open(io.BytesIO(raw)).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(paper, picture).convert("RGB"), dtype=np.float32) / 255


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
