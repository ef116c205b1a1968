"""Renders Plotly figures as PNG, all with one headless Chrome."""

import asyncio
import io
import json
import logging
from typing import Any, Self

import numpy as np

SIZE = (900, 500)
MAX_PIXELS = 1_200_000
HELP = (
    "kaleido found no Chrome or Chromium: install it (Debian and Ubuntu: apt install chromium; elsewhere: "
    "plotly_get_chrome), or set its path: BROWSER_PATH=/path/to/chrome"
)


def compact(png: bytes) -> bytes:
    """The same picture in 256 colours: a third of the bytes, every colour close to the original.

    Half of the palette are the most common colours, exactly; the other half covers the rest.
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    pixels = np.asarray(picture).astype(np.int64) @ [1 << 16, 1 << 8, 1]
    colours, place, counts = np.unique(pixels, return_inverse=True, return_counts=True)
    common = _channels(colours[np.argsort(counts, kind="stable")[-128:]])
    rest = picture.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE).getpalette() or []
    palette = np.concatenate([common, np.reshape(rest, (-1, 3))])
    nearest = np.square(_channels(colours)[:, None] - palette[None]).sum(axis=2).argmin(axis=1)
    reduced = Image.fromarray(nearest[place].reshape(pixels.shape).astype(np.uint8), "P")
    reduced.putpalette(palette.ravel().tolist())
    file = io.BytesIO()
    reduced.save(file, "PNG", optimize=True)
    return file.getvalue()


def _channels(colours: np.ndarray) -> np.ndarray:
    """Red, green and blue of colours given as integers 0xRRGGBB, shape (n, 3)."""
    return np.stack([colours >> 16, (colours >> 8) & 255, colours & 255], axis=1)


class NoChromeError(RuntimeError):
    """There is no browser to render with, or nothing to drive it; the message says how to get it."""


class Camera:
    """Starts Chrome for the first picture and keeps it until `close`.

    Kaleido's own server is not used: it waits for ever if Chrome cannot start.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kaleido: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def png(self, figure: dict[str, Any]) -> bytes:
        """A figure as PNG in its own size, very large ones scaled down.

        Args:
            figure: The figure's JSON, as a notebook stores it.

        Raises:
            NoChromeError: if there is no Chrome; says how to get one.
        """
        loop, kaleido = self._open()
        plain = {key: figure[key] for key in ("data", "layout") if key in figure}
        layout = plain.get("layout", {})
        width, height = layout.get("width") or SIZE[0], layout.get("height") or SIZE[1]
        scale = min(1.0, (MAX_PIXELS / (width * height)) ** 0.5)
        options = {"format": "png", "width": width, "height": height, "scale": scale}
        return compact(loop.run_until_complete(kaleido.calc_fig(json.loads(json.dumps(plain)), opts=options)))

    def close(self) -> None:
        """Stop Chrome."""
        if self._loop is None:
            return
        if self._kaleido is not None:
            self._loop.run_until_complete(self._kaleido.__aexit__(None, None, None))
        self._loop.close()
        self._loop = self._kaleido = None

    def _open(self) -> tuple[asyncio.AbstractEventLoop, Any]:
        if self._loop is not None:
            return self._loop, self._kaleido
        try:
            import kaleido
            from kaleido.errors import ChromeNotFoundError
        except ModuleNotFoundError:
            raise NoChromeError("kaleido is not installed: pip install 'kaleido>=1.0'") from None
        for name in ("kaleido", "choreographer"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._loop = asyncio.new_event_loop()
        try:
            self._kaleido = self._loop.run_until_complete(self._start(kaleido))
        except ChromeNotFoundError:
            self.close()
            raise NoChromeError(HELP) from None
        return self._loop, self._kaleido

    @staticmethod
    async def _start(kaleido: Any) -> Any:
        # MathJax would be loaded from the network; no figure needs it.
        return await kaleido.Kaleido(mathjax=False).__aenter__()
