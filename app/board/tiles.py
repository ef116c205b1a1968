"""Grids of images that can be pressed with mouse or keyboard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from board.component import load_component
from board.pictures import uri

_component = load_component("tiles")


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One image, or several side by side, with a caption.

    Args:
        id: Passed to `on_press` when the tile is pressed.
        images: Each of shape (c, h, w), uint8 or in [0, 1].
        title: First line of the caption.
        note: Second line, smaller.
        tone: "good" or "bad" adds a border and a sign, "" neither.
        signs: What stands between the images, one fewer than they are; by default an arrow.
    """

    id: int
    images: Sequence[np.ndarray]
    title: str = ""
    note: str = ""
    tone: Literal["", "good", "bad"] = ""
    signs: Sequence[str] = ()

    def plain(self, size: int) -> dict[str, Any]:
        """The tile as plain values for the browser, which shows it `size` pixels high."""
        pictures = [uri(image, size) for image in self.images]
        plain = {"id": self.id, "pictures": pictures, "title": self.title, "note": self.note, "tone": self.tone}
        return plain | {"signs": list(self.signs)}


def tiles(
    items: Sequence[Tile],
    *,
    key: str,
    label: str,
    size: int = 52,
    focus: int | None = None,
    on_press: Callable[[int], None] | None = None,
    nothing: str = "No image.",
) -> None:
    """Show tiles side by side, as many in a row as fit.

    Args:
        items: The tiles.
        key: Unique name.
        label: What the tiles are, for screen readers.
        size: Height of an image on the page, pixels.
        focus: Id of the tile to highlight.
        on_press: Called with the id of the pressed tile; without it, tiles cannot be pressed.
        nothing: Text shown if there are no tiles.
    """

    def pressed() -> None:
        value = st.session_state[key].get("pressed")
        if value is not None and on_press is not None:
            on_press(int(value))

    data = {
        "tiles": [item.plain(size) for item in items],
        "size": size,
        "label": label,
        "focus": focus,
        "pressable": on_press is not None,
        "nothing": nothing,
    }
    _component(key=key, data=data, on_pressed_change=pressed)
