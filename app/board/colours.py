"""The visitor's theme, and the colours that pages and components share with the figures."""

from typing import Literal

import streamlit as st

from tla.plots.drawing.theme import DARK_SHADES, LIGHT_SHADES, Shades


def theme() -> Literal["light", "dark"]:
    """What the visitor looks at."""
    return "dark" if st.context.theme.type == "dark" else "light"


def shades() -> Shades:
    """The figures' colours in that theme."""
    return DARK_SHADES if theme() == "dark" else LIGHT_SHADES


def tones() -> dict[str, str]:
    """Colours of right and wrong, as a component gets them."""
    return {"good": shades().right, "bad": shades().wrong}
