"""Figures of `tla.plots` on a page: with the user's theme and width, a description, and selectable points."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from board.colours import theme
from board.component import load_component
from board.kept import kept
from board.studies import View
from tla.plots import CONFIG, FIGURES, Look
from tla.plots.drawing.draw import source_line

DEFAULT_WIDTH = 1040
"""Width of the page's main column in pixels where there is no browser to report it."""
_WIDTH = "page_width"
_width = load_component("width")


def width_known() -> bool:
    """False in a fresh session, until its browser has reported the width: figures wait, and are drawn once."""
    return _WIDTH in st.session_state or not st.context.headers


def measure_width() -> None:
    """Let the browser report the width of the page, if it is not known or far from the one in use."""

    def store() -> None:
        width = st.session_state[f"{_WIDTH}_probe"].get("width")
        if width:
            st.session_state[_WIDTH] = int(width)

    known = page_width() if width_known() else 0
    early = [] if known else _scripts_of_figures()
    _width(key=f"{_WIDTH}_probe", data={"width": known, "early": early}, on_width_change=store)


@lru_cache
def _scripts_of_figures() -> list[str]:
    """Where Streamlit serves what draws figures, four megabytes that a browser takes half a second to read."""
    static = Path(st.__file__).parent / "static"
    return [str(file.relative_to(static)) for file in static.rglob("PlotlyChart.*.js")]


def page_width() -> int:
    """Width of figures that span the page, pixels."""
    return int(st.session_state.get(_WIDTH, DEFAULT_WIDTH))


def stacked() -> bool:
    """True where a column of controls beside the results would be too narrow."""
    return page_width() < 800


def narrow() -> bool:
    """True where columns are stacked."""
    return page_width() < 620


def look(view: View, share: float = 1.0) -> Look:
    """The user's theme, the study's classes and source, and the width that a figure has.

    Args:
        view: The study.
        share: Share of the page's width, 0..1; narrow screens give all of it.
    """
    width = page_width() if narrow() else round(page_width() * share)
    return Look(
        theme=theme(),
        width=max(280, width - 24),
        classes=tuple(view.classes),
        source=source_line(view.manifest, view.name),
        condition=view.condition,
        shared=view.shared,
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
    on_press: Callable[[Any], None] | None = None,
    **options: Any,
) -> None:
    """Draw a registered figure.

    Args:
        name: Its name in `tla.plots.FIGURES`.
        frames: The tables that it draws from.
        view: The study.
        key: Unique name of the chart.
        alt: What the chart shows, for those who cannot see it.
        share: Share of the page's width, 0..1.
        on_ids: Called with the ids of the points that were clicked, or selected with the lasso or box.
        on_press: Called with the customdata of the mark that was pressed.
        options: The figure's own keyword arguments.
    """
    figure = kept(FIGURES.get(name), *frames, look=look(view, share), **options)
    if on_press is not None:

        def pressed() -> None:
            for point in st.session_state[key]["selection"]["points"][:1]:
                on_press(point["customdata"])

        st.plotly_chart(figure, key=key, theme=None, config=CONFIG, alt=alt, on_select=pressed, selection_mode="points")
        return
    if on_ids is None:
        st.plotly_chart(figure, key=key, theme=None, config=CONFIG, alt=alt)
        return

    def selected() -> None:
        on_ids(point_ids(st.session_state[key]))

    config = CONFIG | {"modeBarButtonsToRemove": ["autoScale2d"]}
    st.plotly_chart(figure, key=key, theme=None, config=config, alt=alt, on_select=selected)


def point_ids(event: Any) -> list[int]:
    """The ids of selected points, from their customdata, without repeats."""
    found = [point.get("customdata") for point in event["selection"]["points"]]
    ids = [data[0] if isinstance(data, list) else data for data in found if data not in (None, [])]
    return list(dict.fromkeys(int(i) for i in ids))
