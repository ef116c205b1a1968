"""The dashboard's own components: a style sheet and an ES module each, in `components/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

_FOLDER = Path(__file__).parent / "components"


def load_component(name: str, *shared: str) -> Callable[..., Any]:
    """The component made of NAME.css and NAME.js.

    Args:
        name: Of the two files.
        shared: Names of files whose functions and styles it uses; they are placed before its own.
    """
    style, script = (
        "\n".join((_FOLDER / f"{file}.{kind}").read_text() for file in (*shared, name)) for kind in ("css", "js")
    )
    return component(f"tla_{name}", css=style, js=script)
