"""Components of this dashboard's own: a style sheet and an ES module each, in `components/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

_FOLDER = Path(__file__).parent / "components"


def part(name: str, *shared: str) -> Callable[..., Any]:
    """The component made of NAME.css and NAME.js.

    Args:
        name: Of its files.
        shared: Names of others whose functions and styles it uses; they stand before its own.
    """
    style, script = (
        "\n".join((_FOLDER / f"{one}.{kind}").read_text() for one in (*shared, name)) for kind in ("css", "js")
    )
    return component(f"tla_{name}", css=style, js=script)
