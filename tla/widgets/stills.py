"""Still pictures of widgets, drawn without a browser: what a notebook shows where there is no front end."""

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tla.plots.drawing.theme import LIGHT_SHADES, SYMBOLS

SCALE = 2
"""Drawn so many times as large, then made smaller: smooth edges."""
PAPER, PANEL, INK, SOFT, GRID = (
    LIGHT_SHADES.paper, LIGHT_SHADES.panel, LIGHT_SHADES.ink, LIGHT_SHADES.soft, LIGHT_SHADES.grid,
)  # fmt: skip
Colour = str | tuple[int, int, int]
Number = float | int
_CORNERS = {"square": 4, "diamond": 4, "triangle-up": 3, "triangle-down": 3, "pentagon": 5}
_TURN = {"square": math.pi / 4, "triangle-down": math.pi}
_STARS = {"star": (10, 0.45), "hexagram": (12, 0.58), "cross": (8, 0.4), "x": (8, 0.4)}


class Still:
    """A drawing in pixels of the page.

    Args:
        width: Pixels.
        height: Pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
        self._draw = ImageDraw.Draw(self.image)
        self.width, self.height = width, height

    def box(self, left: Number, top: Number, width: Number, height: Number, fill: Colour = PANEL) -> None:
        """A frame."""
        corners = [SCALE * value for value in (left, top, left + width, top + height)]
        self._draw.rounded_rectangle(corners, 8 * SCALE, fill=fill, outline=GRID, width=SCALE)

    def bar(self, left: Number, top: Number, right: Number, bottom: Number, fill: Colour) -> None:
        """A filled rectangle."""
        self._draw.rectangle([SCALE * value for value in (left, top, right, bottom)], fill=fill)

    def text(
        self, x: Number, y: Number, words: str, *, size: int = 12, colour: Colour = INK, anchor: str = "la"
    ) -> None:
        """A line of text; `anchor` as Pillow takes it."""
        from PIL import ImageFont

        font = ImageFont.load_default(size * SCALE)
        words = words.replace("\u2192", "to")  # Pillow's own font has no arrows
        self._draw.text((x * SCALE, y * SCALE), words, font=font, fill=colour, anchor=anchor)

    def line(self, points: Sequence[Any], colour: Colour = INK, width: Number = 1) -> None:
        """A line through points."""
        flat = [(float(x) * SCALE, float(y) * SCALE) for x, y in points]
        if len(flat) > 1:
            self._draw.line(flat, fill=colour, width=max(1, round(width * SCALE)), joint="curve")

    def ring(self, x: Number, y: Number, radius: Number, width: Number, colour: Colour = INK) -> None:
        """A circle that is not filled."""
        corners = [SCALE * value for value in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.ellipse(corners, outline=colour, width=round(width * SCALE))

    def symbol(self, name: str, x: Number, y: Number, radius: Number, colour: Colour) -> None:
        """One of the figures' symbols."""
        cx, cy, reach = x * SCALE, y * SCALE, radius * SCALE
        if name == "circle":
            self._draw.ellipse([cx - reach, cy - reach, cx + reach, cy + reach], fill=colour)
            return
        count, inner = _STARS.get(name, (_CORNERS.get(name, 4), 1.0))
        turn = _TURN.get(name, math.pi / 4 if name == "x" else 0.0) - math.pi / 2
        reaches = (1.3 * reach, 1.3 * reach * inner)
        angles = [(2 * math.pi * k / count + turn, reaches[k % 2]) for k in range(count)]
        self._draw.polygon([(cx + far * math.cos(angle), cy + far * math.sin(angle)) for angle, far in angles], colour)

    def picture(self, pixels: np.ndarray, left: Number, top: Number, size: Number) -> None:
        """An image of shape (h, w) or (h, w, 3), uint8, `size` pixels high; small ones stay sharp."""
        from PIL import Image

        height, width = pixels.shape[:2]
        shape = (max(1, round(size * SCALE * width / height)), round(size * SCALE))
        how = Image.Resampling.NEAREST if height < 100 else Image.Resampling.BOX
        self.image.paste(
            Image.fromarray(pixels).convert("RGB").resize(shape, how), (round(left * SCALE), round(top * SCALE))
        )

    def png(self) -> bytes:
        """The drawing as a PNG."""
        from PIL import Image

        file = io.BytesIO()
        small = self.image.resize((self.width, self.height), Image.Resampling.BOX)
        small.quantize(192, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        return file.getvalue()


def faded(colour: str, share: Number = 0.22) -> tuple[int, int, int]:
    """A colour mixed with the panel's, as a selection dims points."""
    one, other = (np.array([int(text[at : at + 2], 16) for at in (1, 3, 5)]) for text in (colour, PANEL))
    red, green, blue = np.rint(other + (one - other) * share).astype(int).tolist()
    return red, green, blue


def symbol_of(klass: int) -> str:
    """Symbol of a class, as in the figures."""
    return SYMBOLS[(klass + klass // 10) % 10]
