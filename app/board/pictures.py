"""Images for the browser."""

from functools import lru_cache

import numpy as np

from tla.plots.drawing.pictures import data_uri

SHARP = 2
"""Pixels of a picture per pixel of the page, for screens of twice the density."""


def uri(image: np.ndarray, size: int) -> str:
    """An image as a PNG in a data URI, no larger than is seen at `size` pixels; recent ones are cached.

    Args:
        image: Shape (c, h, w), uint8 or in [0, 1].
        size: Height on the page, pixels.
    """
    return _uri(image.tobytes(), image.shape, image.dtype.str, SHARP * size)


@lru_cache(maxsize=2048)
def _uri(content: bytes, shape: tuple[int, ...], kind: str, most: int) -> str:
    return data_uri(np.frombuffer(content, kind).reshape(shape), most)
