"""A module and its data in one HTML file that needs neither a server nor a network."""

import base64
import html
from pathlib import Path
from string import Template
from typing import Any

from tla.files import replacing
from tla.plots.drawing.theme import FONT
from tla.widgets.bundle import script
from tla.widgets.packing import pack

_PAGE = Path(__file__).with_suffix(".html")


def page(module: str, data: dict[str, Any], title: str) -> str:
    """The file's text.

    Args:
        module: In `modules/`, "explorer".
        data: What it takes; arrays and bytes may stand anywhere.
        title: Heading, and name of the window; shown as text.
    """
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        font=FONT,
        data=base64.b64encode(pack(data)).decode(),
        script=script(module, "page").replace("</script", "<\\/script"),
    )


def save_page(path: Path | str, module: str, data: dict[str, Any], title: str) -> Path:
    """Write the file; an earlier one is replaced whole.

    Args:
        path: Ends in .html.
        module: In `modules/`.
        data: What it takes.
        title: Heading.

    Raises:
        ValueError: for another ending.
        OSError: without space or permission.
    """
    path = Path(path)
    if path.suffix not in (".html", ".htm"):
        raise ValueError(f"the file must end in .html, got {path.name!r}")
    with replacing(path) as temporary:
        temporary.write_text(page(module, data, title), encoding="utf-8")
    return path
