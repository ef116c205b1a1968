"""The user's theme, and the colours that pages and components share with the figures."""

from typing import Literal

import streamlit as st

from tla.plots.drawing.theme import DARK_SHADES, LIGHT_SHADES, Shades


def theme() -> Literal["light", "dark"]:
    """The theme that the user has chosen."""
    return "dark" if st.context.theme.type == "dark" else "light"


def shades() -> Shades:
    """The figures' colours in that theme."""
    return DARK_SHADES if theme() == "dark" else LIGHT_SHADES
