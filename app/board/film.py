"""The steps of an attack, scrubbed in the browser; and a pad to draw on."""

import base64
import io
from collections.abc import Callable

import numpy as np

from board.colours import tones
from board.component import part
from board.live import Walked
from board.pictures import noise, uri

MOST_FRAMES = 120
_film = part("film", "elements")
_pad = part("pad")


def film(walked: Walked, clean: np.ndarray, truth: int, classes: list[str], eps: float, *, key: str, size: int) -> None:
    """Clean image, magnified noise and iterate with probabilities; a handle walks through the steps.

    Args:
        walked: The attack.
        clean: Shape (c, h, w), numbers in [0, 1].
        truth: True class.
        classes: Their names.
        eps: Change in pixel units that the noise picture shows as black or white.
        key: Unique name.
        size: Side of a picture in the page, pixels.
    """
    kept = np.unique(np.linspace(0, len(walked.images) - 1, min(MOST_FRAMES, len(walked.images))).astype(int))
    order = np.argsort(-np.maximum(walked.before, walked.probabilities.max(0)), kind="stable")[:10]
    reach = max(eps, float(np.abs(walked.images - clean).max()), 1 / 255)
    data = {
        "clean": uri(clean),
        "frames": [uri(walked.images[i]) for i in kept],
        "noises": [uri(noise(clean, walked.images[i], reach)) for i in kept],
        "noise_words": f"noise, ± {reach:.3g}",
        "probabilities": np.round(walked.probabilities[kept], 4).tolist(),
        "labels": [walked.labels[i] for i in kept],
        "before": np.round(walked.before, 4).tolist(),
        "order": sorted(int(k) for k in order),
        "classes": classes,
        "truth": truth,
        "size": size,
        **tones(),
    }
    _film(key=key, data=data)


def pad(*, key: str, shape: tuple[int, int, int], on_drawn: Callable[[], None] = lambda: None) -> np.ndarray | None:
    """A pad to draw a digit on.

    Args:
        key: Unique name.
        shape: Channels, height and width that the drawing is brought to.
        on_drawn: Called whenever the pen is lifted.

    Returns:
        Numbers in [0, 1] of that shape; None while nothing is drawn.
    """
    result = _pad(key=key, data={"pen": 20}, default={"drawing": None}, on_drawing_change=on_drawn)
    drawing = result.get("drawing")
    if not drawing:
        return None
    return fitted(_centred(base64.b64decode(drawing.split(",", 1)[1])), shape)


def _centred(file: bytes) -> bytes:
    """A white drawing on black, cut out and put into the middle of a square, as digits lie in their data sets."""
    from PIL import Image

    image = Image.open(io.BytesIO(file)).convert("L")
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


def fitted(file: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """An image file brought to the size and channels of a data set, cut to its middle square first.

    Args:
        file: PNG, JPEG or anything else that Pillow reads.
        shape: Channels, height and width.

    Returns:
        Numbers in [0, 1], float32, of that shape.

    Raises:
        ValueError: if it is not an image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(file))
        channels, height, width = shape
        image = ImageOps.fit(image.convert("L" if channels == 1 else "RGB"), (width, height), Image.Resampling.BOX)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"This file is not an image that can be read ({type(error).__name__}).") from None
    pixels = np.asarray(image, np.float32) / 255
    return pixels[None] if channels == 1 else np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
