"""The dashboard's own components: modules of `tla.widgets`, held by Streamlit."""

from collections.abc import Callable
from typing import Any

from streamlit.components.v2 import component

from tla.widgets.bundle import script, styles


def load_component(name: str) -> Callable[..., Any]:
    """The component made of a module and of all that it imports.

    Args:
        name: In `tla/widgets/modules`, "tiles".
    """
    return component(f"tla_{name}", css=styles(name), js=script(name, "streamlit"))
