"""Figures of `tla.plots` on a page: the visitor's theme and width, a description, a selection."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from board.colours import theme
from board.studies import View
from tla.plots import CONFIG, FIGURES, Look
from tla.plots.drawing.draw import source_line

ASSUMED = 1040
"""Width of the page's middle in pixels, until the browser says otherwise."""
_WIDTH = "page_width"
_probe = component(
    "tla_width", css="div { height: 0 }", js=(Path(__file__).parent / "components" / "width.js").read_text()
)


def measure_width() -> None:
    """Let the browser say how wide the page is; it stays silent while what is drawn fits."""

    def heard() -> None:
        width = st.session_state[f"{_WIDTH}_probe"].get("width")
        if width:
            st.session_state[_WIDTH] = int(width)

    _probe(key=f"{_WIDTH}_probe", data={"width": page_width()}, on_width_change=heard)


def page_width() -> int:
    """Width that figures over the whole page are laid out for, pixels."""
    return int(st.session_state.get(_WIDTH, ASSUMED))


def narrow() -> bool:
    """True where columns stand below each other."""
    return page_width() < 620


def look(view: View, share: float = 1.0) -> Look:
    """The visitor's theme, the study's classes and source, and the width of the figure's place.

    Args:
        view: The study.
        share: Share of the page's width that the figure has, 0..1; all of it on narrow screens.
    """
    width = page_width() if narrow() else round(page_width() * share)
    return Look(
        theme=theme(),
        width=max(280, width - 24),
        classes=tuple(view.classes),
        source=source_line(view.manifest, view.name),
    )


def chart(
    name: str,
    /,
    *frames: Any,
    view: View,
    key: str,
    alt: str,
    share: float = 1.0,
    on_ids: Callable[[list[int]], None] | None = None,
    **options: Any,
) -> None:
    """Draw a registered figure.

    Args:
        name: Its name in `tla.plots.FIGURES`.
        frames: The tables that it draws from.
        view: The study.
        key: Unique name of the chart.
        alt: What the chart shows, for those who do not see it.
        share: Share of the page's width that it has.
        on_ids: Told the ids of points that were pressed or selected with the lasso or the box.
        options: The figure's own keyword arguments.
    """
    figure = FIGURES.get(name)(*frames, look=look(view, share), **options)
    if on_ids is None:
        st.plotly_chart(figure, key=key, theme=None, config=CONFIG, alt=alt)
        return

    def chosen() -> None:
        on_ids(point_ids(st.session_state[key]))

    config = CONFIG | {"modeBarButtonsToRemove": ["autoScale2d"]}
    st.plotly_chart(figure, key=key, theme=None, config=config, alt=alt, on_select=chosen)


def point_ids(state: Any) -> list[int]:
    """The ids of selected points, from their customdata, each once."""
    found = [point.get("customdata") for point in state["selection"]["points"]]
    ids = [data[0] if isinstance(data, list) else data for data in found if data not in (None, [])]
    return list(dict.fromkeys(int(i) for i in ids))
