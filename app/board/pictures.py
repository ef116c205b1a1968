"""Images for the browser."""

from functools import lru_cache

import numpy as np

from tla.plots.drawing.pictures import data_uri


def uri(image: np.ndarray) -> str:
    """An image of shape (c, h, w), uint8 or in [0, 1], as a PNG in a data URI; recent ones are cached."""
    return _uri(image.tobytes(), image.shape, image.dtype.str)


@lru_cache(maxsize=2048)
def _uri(content: bytes, shape: tuple[int, ...], kind: str) -> str:
    return data_uri(np.frombuffer(content, kind).reshape(shape))
