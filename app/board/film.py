"""The steps of an attack with a slider that runs in the browser; and a pad to draw on."""

import base64
import io
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from board.component import load_component
from board.live import LiveAttack
from board.pictures import uri
from tla.widgets.filming import film_data

MOST_PIXELS = 40_000_000
"""Of an image that is decoded: 120 MB in memory."""

_film = load_component("film")
_pad = load_component("pad")


def film(
    attack: LiveAttack, clean: np.ndarray, true_class: int, classes: list[str], eps: float, *, key: str, size: int
) -> None:
    """Clean image, magnified noise and iterate with probabilities; a slider moves through the steps.

    Args:
        attack: The attack.
        clean: Shape (c, h, w), numbers in [0, 1].
        true_class: Of the image.
        classes: Names of the classes.
        eps: Change in pixel units that the noise picture shows as black or white.
        key: Unique name.
        size: Width and height of a picture on the page, pixels.
    """
    _film(key=key, data=film_data(attack, clean, true_class, classes, eps, size, partial(uri, size=size)))


def pad(*, key: str, shape: tuple[int, int, int], on_drawn: Callable[[], None] = lambda: None) -> np.ndarray | None:
    """A pad to draw a digit on.

    Args:
        key: Unique name.
        shape: Channels, height and width that the drawing is converted to.
        on_drawn: Called whenever the pen is lifted.

    Returns:
        Numbers in [0, 1] of that shape; None while nothing is drawn.
    """
    result = _pad(key=key, data={"pen": 20}, default={"drawing": None}, on_drawing_change=on_drawn)
    drawing = result.get("drawing")
    if not drawing:
        return None
    return fit_image(_centred(base64.b64decode(drawing.split(",", 1)[1])), shape)


def fit_image(file: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """An image file, read as a data set reads its pictures, then cropped and resized to the images of the data set.

    Args:
        file: PNG, JPEG or anything else that Pillow reads.
        shape: Channels, height and width.

    Returns:
        Numbers in [0, 1], float32, of that shape.

    Raises:
        ValueError: if it is not an image.
    """
    from tla.data.loading.picture import PictureFormat, fitted, read_picture

    channels, height, width = shape
    _opened(file)
    try:
        pixels = read_picture(file, PictureFormat(channels=1 if channels == 1 else 3, most_pixels=MOST_PIXELS))
    except Exception as error:  # each of Pillow's readers raises its own types
        raise ValueError(f"This file is not an image that can be read ({type(error).__name__}).") from None
    return fitted(pixels, height, width).astype(np.float32) / 255


def dark_on_light(images: np.ndarray) -> bool:
    """True if images are grey and their edges lighter than half, as ink on paper is.

    Args:
        images: Numbers in [0, 1], shape (..., c, h, w).
    """
    edges = np.concatenate([images[..., [0, -1], :].ravel(), images[..., [0, -1]].ravel()])
    return images.shape[-3] == 1 and float(np.median(edges)) > 0.5


def _opened(file: bytes) -> Any:
    """An image whose head was read, and no pixel yet.

    Raises:
        ValueError: if it is no image, or one of more than `MOST_PIXELS`.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(file))
            width, height = image.size
    except Exception as error:  # each of Pillow's readers raises its own types
        raise ValueError(f"This file is not an image that can be read ({type(error).__name__}).") from None
    if width * height > MOST_PIXELS:
        raise ValueError(f"This image has {width:,} x {height:,} pixels, more than {MOST_PIXELS:,}: make it smaller.")
    return image


def _centred(file: bytes) -> bytes:
    """A white drawing on black, cropped and centred in a square, as digits are in their data sets."""
    from PIL import Image

    image = _opened(file).convert("L")
    box = image.getbbox()
    if box is None:
        return file
    ink = image.crop(box)
    side = round(1.1 * max(ink.size))
    square = Image.new("L", (side, side))
    square.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
    out = io.BytesIO()
    square.save(out, "PNG")
    return out.getvalue()
