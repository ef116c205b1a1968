"""The list of figures, and what a figure's file says about itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tla.registry import Registry
from tla.statistics.frame import Frame as Frame

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
else:
    Figure = Any  # plotly is loaded when the first figure is drawn

Function = TypeVar("Function", bound=Callable[..., Any])

FIGURES: Registry[Any] = Registry("figure", "tla.plots")

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["autoScale2d", "select2d", "lasso2d"],
    "toImageButtonOptions": {"format": "svg"},
}
"""For `figure.show(config=CONFIG)` and `st.plotly_chart(figure, config=CONFIG)`: nothing is offered to any cloud."""


def built(traces: list[dict[str, Any]], layout: dict[str, Any], frames: list[dict[str, Any]] | None = None) -> Figure:
    """A plotly figure from plain values, unchecked: checking takes five times as long as everything else.

    The contract tests check every figure in full. What is changed in the figure later is checked as usual.

    Args:
        traces: Traces with their `type`.
        layout: The layout.
        frames: Of an animation.
    """
    import plotly.graph_objects as go

    given = {key: value for key, value in layout.items() if not (isinstance(value, list) and not value)}
    figure = go.Figure({"data": traces, "layout": given, "frames": frames or []}, _validate=False)
    figure._validate = True
    return figure


def figure(
    name: str, *tables: str, optional: tuple[str, ...] = (), example: Callable[[Any], dict[str, Any]] | None = None
) -> Callable[[Function], Function]:
    """Register a figure function and say what it draws from.

    Args:
        name: Its name in `FIGURES` and on the command line.
        tables: Tables of a study that its first positional parameters take, in this order.
        optional: Tables that it takes by keyword (a parameter of the same name) where the study has them.
        example: For a figure of something else than tables: what to draw of a study (a `Store`), as keyword arguments.

    Returns:
        The decorator; it sets `tables`, `optional` and `example` on the function.
    """

    def file(function: Function) -> Function:
        vars(function).update(tables=tables, optional=optional, example=example)
        return FIGURES.register(name)(function)

    return file
