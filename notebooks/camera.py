"""Draws Plotly figures as PNG with one headless Chrome for all of them."""

import asyncio
import io
import json
import logging
from typing import Any, Self

SIZE = (900, 500)
HELP = (
    "kaleido found no Chrome or Chromium: install it (Debian and Ubuntu: apt install chromium; elsewhere: "
    "plotly_get_chrome), or say where it is: BROWSER_PATH=/path/to/chrome"
)


def compact(png: bytes) -> bytes:
    """The same picture in 256 colours: a third of the bytes, and no colour that is far from what it was."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    file = io.BytesIO()
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE).save(
        file, "PNG", optimize=True
    )
    return file.getvalue()


class NoChromeError(RuntimeError):
    """There is no browser to draw with; says how to get one."""


class Camera:
    """Starts Chrome with the first picture and keeps it until `close`.

    Kaleido's own server is not used: it waits for ever where Chrome cannot start.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kaleido: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()

    def png(self, figure: dict[str, Any]) -> bytes:
        """A picture of a figure, in the figure's own size.

        Args:
            figure: The figure's JSON, as a notebook stores it.

        Raises:
            NoChromeError: if there is no Chrome; says how to get one.
        """
        loop, kaleido = self._open()
        plain = {key: figure[key] for key in ("data", "layout") if key in figure}
        layout = plain.get("layout", {})
        options = {"format": "png", "scale": 1}
        options |= {key: layout.get(key) or size for key, size in zip(("width", "height"), SIZE, strict=True)}
        return compact(loop.run_until_complete(kaleido.calc_fig(json.loads(json.dumps(plain)), opts=options)))

    def close(self) -> None:
        """End Chrome."""
        if self._loop is None:
            return
        if self._kaleido is not None:
            self._loop.run_until_complete(self._kaleido.__aexit__(None, None, None))
        self._loop.close()
        self._loop = self._kaleido = None

    def _open(self) -> tuple[asyncio.AbstractEventLoop, Any]:
        import kaleido
        from kaleido.errors import ChromeNotFoundError

        if self._loop is not None:
            return self._loop, self._kaleido
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
        # MathJax would come from the network; no figure needs it.
        return await kaleido.Kaleido(mathjax=False).__aenter__()
