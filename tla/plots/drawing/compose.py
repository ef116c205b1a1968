"""Several figures on one page: each keeps its axes, its legend, its title and its caption."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from tla.plots.base import Figure, unvalidated
from tla.plots.drawing.sheet import LEGEND, entry_width, wrap
from tla.plots.drawing.theme import Look, escape, template

GAP = 18


class Block(NamedTuple):
    """A figure's place on a page, in pixels from the top left.

    Attributes:
        figure: Drawn for a look of this width.
        left: Pixels.
        top: Pixels.
        width: Pixels.
    """

    figure: Figure
    left: float | int
    top: float | int
    width: float | int


def page(rows: Sequence[Sequence[Figure]], look: Look, *, title: str, caption: str) -> Figure:
    """One figure from rows of figures.

    Args:
        rows: Rows of figures from the top; those of one row are drawn for the same width.
        look: Theme and width of the page.
        title: One sentence at the top of the page.
        caption: One line at the bottom; the look's source is added.
    """
    heading = wrap(title, 0.95 * (look.width - 60), 22)
    caption = f"{caption} Source: {escape(look.source)}." if look.source else caption
    below = wrap(caption, look.width - 24, 12)
    head = 54 + 26 * heading.count("<br>")
    blocks, top = [], float(head)
    for row in rows:
        width = (look.width - GAP * (len(row) - 1)) / max(len(row), 1)
        blocks += [Block(figure, i * (width + GAP), top, width) for i, figure in enumerate(row)]
        top += max((height_of(figure) for figure in row), default=0) + GAP
    foot = 30 + 17 * below.count("<br>")
    height = top + foot
    merged = _Merged(look, height)
    for block in blocks:
        merged.add(block)
    merged.text(f"<b>{heading}</b>", 12, 12, 22, look.shades.ink)
    merged.text(below, 12, height - foot, 12, look.shades.soft)
    layout = {
        "template": template(look),
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "autoexpand": False},
        "height": height,
        "meta": {"title": title, "caption": caption},
        **merged.layout,
    }
    return unvalidated(merged.traces, layout)


def height_of(figure: Figure) -> float:
    """Height of a figure in pixels, plotly's default of 450 if it sets none."""
    layout: Any = figure.layout
    return float(layout.height or 450)


def traces_of(figure: Figure) -> list[Any]:
    """A figure's traces."""
    return list(figure.data)


class _Merged:
    """Traces and layout of a page under construction."""

    def __init__(self, look: Look, height: float | int) -> None:
        self.width, self.height = look.width, height
        # plotly's template styles only the first legend
        self.font = {"font": {"size": LEGEND, "color": look.shades.ink}, "bgcolor": "rgba(0,0,0,0)"}
        self.traces: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {"annotations": [], "shapes": [], "images": []}
        self._axes, self._legends = 0, 0

    def text(self, text: str, left: float | int, top: float | int, size: int, colour: str) -> None:
        """Text at pixels from the page's top left."""
        place = {"x": left / self.width, "y": 1 - top / self.height, "xref": "paper", "yref": "paper"}
        anchor = {"xanchor": "left", "yanchor": "top", "align": "left", "showarrow": False}
        self.layout["annotations"].append({"text": text, "font": {"size": size, "color": colour}, **place, **anchor})

    def add(self, block: Block) -> None:
        """Add a figure at its place: rename its axes and legend, map its paper coordinates onto the page."""
        layout = block.figure.layout.to_plotly_json()
        frame = self._frame(block, layout["margin"])
        offset, used, renamed = self._axes, 0, []
        for name in [key for key in layout if re.fullmatch(r"[xy]axis\d*", key)]:
            used = max(used, int(name[5:] or 1))
            axis = dict(layout[name])
            side, size = (frame[0], frame[1]) if name[0] == "x" else (frame[2], frame[3])
            axis["domain"] = [side + size * share for share in axis["domain"]]
            for key in ("anchor", "scaleanchor", "matches"):
                if key in axis:
                    axis[key] = _renamed(axis[key], offset)
            self.layout[f"{name[:5]}{_number(name[5:], offset)}"] = axis
            renamed.append(f"{name[:5]}{_number(name[5:], offset)}")
        self._axis_titles(renamed)
        self._axes += used
        self._traces([trace.to_plotly_json() for trace in traces_of(block.figure)], offset, self._legend(block, layout))
        for kind in ("annotations", "shapes", "images"):
            self.layout[kind] += [self._moved(item, frame, offset) for item in layout.get(kind, ())]
        title = layout["title"]
        self.text(title["text"], block.left + 8, block.top + 12, title["font"]["size"], title["font"]["color"])
        modes = {
            key: layout[key] for key in ("barmode", "boxmode", "bargap", "scattermode", "scattergap") if key in layout
        }
        self.layout = modes | self.layout

    def _axis_titles(self, names: Sequence[str]) -> None:
        """Draw axis titles as annotations: plotly misplaces them on a page without margins."""
        for name in names:
            axis = self.layout[name]
            text = axis.pop("title", {}).get("text")
            other = self.layout[f"{'y' if name[0] == 'x' else 'x'}axis{axis['anchor'][1:]}"]
            if not text:
                continue
            along, edge = sum(axis["domain"]) / 2, other["domain"][0]
            place: dict[str, Any] = {"x": along, "y": edge, "yshift": -24, "xanchor": "center", "yanchor": "top"}
            if name[0] == "y":
                place = {
                    "x": edge,
                    "y": along,
                    "xshift": -36,
                    "xanchor": "right",
                    "yanchor": "middle",
                    "textangle": -90,
                }
            note = {"text": text, "xref": "paper", "yref": "paper", "showarrow": False, "font": {"size": 13}}
            self.layout["annotations"].append(note | place)

    def _frame(self, block: Block, margin: dict[str, Any]) -> tuple[float, float, float, float]:
        """Left, width, bottom and height of a figure's plotting area as shares of the page."""
        wide = block.width - margin["l"] - margin["r"]
        high = height_of(block.figure) - margin["t"] - margin["b"]
        bottom = self.height - block.top - margin["t"] - high
        return (block.left + margin["l"]) / self.width, wide / self.width, bottom / self.height, high / self.height

    def _legend(self, block: Block, layout: dict[str, Any]) -> dict[str, str]:
        """Rows of legends that fit the block's width (plotly would use the page's), as group -> legend name."""
        shown = [trace for trace in traces_of(block.figure) if trace.showlegend]
        rows, room, name = {}, 0.0, "legend"
        top = block.top + (1 - layout["legend"]["y"]) * height_of(block.figure)
        for trace in sorted(shown, key=lambda trace: trace.legendrank or 1000):
            wide = entry_width(trace.name, trace.mode if "mode" in trace else None)
            if room < wide:
                name = "legend" if self._legends == 0 else f"legend{self._legends + 1}"
                place = {"x": block.left / self.width, "y": 1 - top / self.height}
                self.layout[name] = layout["legend"] | self.font | place
                self._legends, room, top = self._legends + 1, block.width, top + 21
            room -= wide
            rows[trace.legendgroup] = name
        return rows

    def _traces(self, traces: Sequence[dict[str, Any]], offset: int, legends: dict[str, str]) -> None:
        for trace in traces:
            group = trace.get("legendgroup")
            moved = trace | ({"legend": legends[group]} if group in legends else {})
            for key in ("xaxis", "yaxis"):
                moved[key] = _renamed(trace.get(key, key[0]), offset)
            if group is not None:
                moved["legendgroup"] = f"{offset} {group}"
            self.traces.append(moved)

    def _moved(self, item: dict[str, Any], frame: tuple[float, float, float, float], offset: int) -> dict[str, Any]:
        moved = dict(item)
        for letter, side, size in (("x", frame[0], frame[1]), ("y", frame[2], frame[3])):
            ref = item.get(f"{letter}ref", "paper")
            if ref == "paper":
                for key in (letter, f"{letter}0", f"{letter}1"):
                    if key in moved:
                        moved[key] = side + size * moved[key]
            else:
                moved[f"{letter}ref"] = _renamed(ref, offset)
        return moved


def _number(suffix: str, offset: int) -> str:
    number = int(suffix or 1) + offset
    return "" if number == 1 else str(number)


def _renamed(ref: str, offset: int) -> str:
    """The name of an axis after `offset` others: "x2 domain" -> "x7 domain" for 5."""
    match = re.fullmatch(r"([xy])(\d*)( domain)?", ref)
    return ref if match is None else f"{match[1]}{_number(match[2], offset)}{match[3] or ''}"
