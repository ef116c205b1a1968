"""Python that gives what a page shows: it runs as it stands."""

import json
from typing import Any

from board.studies import View
from tla.plots import FIGURES

WIDTH = 100


def figure_code(view: View, name: str, *, where: str = "", **options: Any) -> list[str]:
    """Lines that draw a figure of a study.

    Args:
        view: The study.
        name: The figure in `tla.plots.FIGURES`.
        where: Which rows of its table it draws, as `DataFrame.query` takes it; all by default.
        options: The figure's own keyword arguments.
    """
    if not where:
        head = ["from tla.plots import draw", "from tla.study import locate", ""]
        options |= {"condition": view.condition} if view.condition else {}
        return [*head, *call("draw", literal(name), f"locate({literal(view.known_as)})", **options)]
    look = f"look=look_of(store, condition={literal(view.condition)})" if view.condition else "look=look_of(store)"
    if view.condition:
        where += f' and attack in ["clean", {literal(view.condition)}]'
    return [
        "from tla.plots import FIGURES, look_of",
        "from tla.study import locate",
        "",
        f"store = locate({literal(view.known_as)})",
        f'rows = store.table("{FIGURES.get(name).tables[0]}").query({literal(where)})',
        *call(f"FIGURES.get({literal(name)})", "rows", look, **options),
    ]


def explore_code(view: View, **options: Any) -> list[str]:
    """Lines that explore a study in a notebook, in the state of a page.

    Args:
        view: The study.
        options: Of `tla.explore`; those that are None are left out.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    return [
        "import tla",
        "",
        *call("explorer = tla.explore", literal(view.known_as), **chosen),
        "explorer  # maps, images, neighbours and measures, with your variables; explorer.rows is a DataFrame",
    ]


def call(function: str, *arguments: str, **options: Any) -> list[str]:
    """A call in one line, or with an argument in each line where that is too long."""
    items = [*arguments, *(f"{name}={literal(value)}" for name, value in options.items())]
    line = f"{function}({', '.join(items)})"
    return [line] if len(line) <= WIDTH else [f"{function}(", *(f"    {item}," for item in items), ")"]


def literal(value: Any) -> str:
    """A plain value as Python; text in double quotes, floats to ten digits."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)
