"""The registry of figures, and the decorator that declares what a figure draws from."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from tla.registry import Registry
from tla.statistics.frame import Frame as Frame

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
else:
    Figure = Any  # plotly is imported when the first figure is drawn

Function = TypeVar("Function", bound=Callable[..., Any])

FIGURES: Registry[Any] = Registry("figure", "tla.plots")

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["autoScale2d", "select2d", "lasso2d"],
    "toImageButtonOptions": {"format": "svg"},
}
"""For `figure.show(config=CONFIG)` and `st.plotly_chart(figure, config=CONFIG)`: no upload to a cloud is offered."""


def unvalidated(
    traces: list[dict[str, Any]], layout: dict[str, Any], frames: list[dict[str, Any]] | None = None
) -> Figure:
    """A plotly figure without plotly's validation, which takes five times as long as everything else.

    The contract tests validate every figure. Later changes to the figure are validated as usual.

    Args:
        traces: Traces with their `type`.
        layout: The layout.
        frames: Animation frames.
    """
    import plotly.graph_objects as go

    given = {key: value for key, value in layout.items() if not (isinstance(value, list) and not value)}
    figure = go.Figure({"data": traces, "layout": given, "frames": frames or []}, _validate=False)
    figure._validate = True
    return figure


def figure(
    name: str, *tables: str, optional: tuple[str, ...] = (), example: Callable[[Any], dict[str, Any]] | None = None
) -> Callable[[Function], Function]:
    """Register a figure function and declare what it draws from.

    Args:
        name: Its name in `FIGURES` and on the command line.
        tables: Study tables passed to its first positional parameters, in this order.
        optional: Tables passed by keyword (to a parameter of the same name) where the study has them.
        example: For a figure that draws no tables: picks its keyword arguments from a study (a `Store`).

    Returns:
        The decorator; it sets `tables`, `optional` and `example` on the function.
    """

    def file(function: Function) -> Function:
        vars(function).update(tables=tables, optional=optional, example=example)
        return FIGURES.register(name)(function)

    return file
