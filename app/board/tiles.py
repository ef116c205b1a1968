"""Grids of images that can be pressed, by mouse or keyboard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from board.colours import tones
from board.component import part
from board.pictures import uri

_component = part("tiles")


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One image, or a clean and an adversarial one, with a word below.

    Args:
        id: What Python is told when the tile is pressed.
        images: Each of shape (c, h, w), uint8 or in [0, 1].
        title: First line below.
        note: Second line, smaller.
        tone: "good" or "bad" gives a border and a sign, "" neither.
    """

    id: int
    images: Sequence[np.ndarray]
    title: str = ""
    note: str = ""
    tone: Literal["", "good", "bad"] = ""

    def plain(self) -> dict[str, Any]:
        """The tile as the browser gets it."""
        pictures = [uri(image) for image in self.images]
        return {"id": self.id, "pictures": pictures, "title": self.title, "note": self.note, "tone": self.tone}


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
        items: What to show.
        key: Unique name.
        label: What the group is, for screen readers.
        size: Height of an image in the page, pixels.
        focus: Id of the tile that is marked.
        on_press: Told the id of a tile that was pressed; without it tiles cannot be pressed.
        nothing: Words that stand in for an empty list.
    """

    def pressed() -> None:
        value = st.session_state[key].get("pressed")
        if value is not None and on_press is not None:
            on_press(int(value))

    data = {
        "tiles": [item.plain() for item in items],
        "size": size,
        "label": label,
        "focus": focus,
        "pressable": on_press is not None,
        "nothing": nothing,
        **tones(),
    }
    _component(key=key, data=data, on_pressed_change=pressed)
