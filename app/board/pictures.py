"""Images for the browser, and the noise that was added to one."""

from functools import lru_cache

import numpy as np

from tla.plots.drawing.pictures import data_uri


def uri(image: np.ndarray) -> str:
    """An image of shape (c, h, w), uint8 or in [0, 1], as a PNG in a data URI; recent ones are cached."""
    return _uri(image.tobytes(), image.shape, image.dtype.str)


@lru_cache(maxsize=2048)
def _uri(content: bytes, shape: tuple[int, ...], kind: str) -> str:
    return data_uri(np.frombuffer(content, kind).reshape(shape))


def unit(image: np.ndarray) -> np.ndarray:
    """Pixels as numbers in [0, 1], float32."""
    return image.astype(np.float32) / 255 if image.dtype == np.uint8 else image.astype(np.float32)


def noise(clean: np.ndarray, adversarial: np.ndarray, reach: float) -> np.ndarray:
    """The difference of two images: grey where nothing changed, black at -reach and white at +reach.

    Args:
        clean: Shape (c, h, w), uint8 or numbers in [0, 1].
        adversarial: The same shape.
        reach: Change in pixel units that becomes black or white, > 0.
    """
    return np.clip(0.5 + (unit(adversarial) - unit(clean)) / (2 * max(reach, 1e-6)), 0, 1)
