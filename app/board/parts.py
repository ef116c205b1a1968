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
        shared: Names of scripts whose functions it calls; they stand before its own.
    """
    script = "\n".join((_FOLDER / f"{file}.js").read_text() for file in (*shared, name))
    return component(f"tla_{name}", css=(_FOLDER / f"{name}.css").read_text(), js=script)
