"""A figure of panels under one title and one legend, above a caption, laid out in pixels."""

import math
import textwrap
from typing import Any, NamedTuple

from tla.plots.base import Figure, unvalidated
from tla.plots.drawing.theme import Look, escape, template
from tla.plots.drawing.words import singular

CHARACTER = 0.53
"""Average width of a letter in units of the font size; decides where titles wrap."""
WIDTHS = (("iljI.,:;'|!()[] ftr-", 0.36), ("mwMW%@\u00d7\u2192", 0.92))
"""Widths of narrow and wide letters in units of the font size, in the widest font in use; others take 0.66."""
LEGEND = 12
"""Font size of legends in pixels."""
BOLD = 1.12
"""How much wider bold letters are."""
PERCENT = "\u00a0%"
"""Replaces " %" while text is wrapped, so that no line starts with it."""
TALLEST = 680
"""Maximum height of a panel in pixels, however wide it is."""


class Panel(NamedTuple):
    """One pair of axes on a sheet.

    Attributes:
        x: Name of its x axis in traces, "x3".
        y: Name of its y axis in traces, "y3".
        box: Left, right, bottom and top as shares of the plotting area.
    """

    x: str
    y: str
    box: tuple[float, float, float, float]


class Sheet:
    """Collects the traces and notes of a figure and lays them out.

    Args:
        look: Theme, width and source.
        panels: Number of panels.
        least: Minimum width of a panel in pixels; decides how many fit side by side.
        ratio: Height of a panel over its width.
        height: Height of a panel in pixels, instead of `ratio`.
        head: Pixels above each panel for its title.
        left: Pixels left of each panel for tick labels and axis title.
        foot: Pixels below each panel for tick labels and axis title.
        columns: Panels side by side, instead of as many as fit.
        strip: Height in pixels of an extra panel across the full width below the others, the last of `panels`.
    """

    def __init__(
        self,
        look: Look,
        panels: int = 1,
        *,
        least: int = 260,
        ratio: float | int = 1.0,
        height: int | None = None,
        head: int = 0,
        left: int = 62,
        foot: int = 46,
        columns: int | None = None,
        strip: int = 0,
    ) -> None:
        self.look = look
        self.margin_right = 14
        most = columns or max(1, look.width // least)
        rows = max(1, math.ceil(panels / most))
        self.columns = math.ceil(panels / rows) if panels else 1
        across = look.width - self.margin_right
        wide = across / self.columns - left
        self.panel_height = height or min(round(max(wide, 80) * ratio), TALLEST)
        self.left, self.foot, self.head = left, foot, head
        self._foot = foot
        self.body = rows * (self.panel_height + head) + (rows - 1) * foot + (strip + foot if strip else 0)
        self.traces: list[dict[str, Any]] = []
        self.axes: dict[str, Any] = {}
        self.annotations: list[dict[str, Any]] = []
        self.shapes: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self._keys: dict[str, str] = {}
        self.panels = [self._panel(index, wide, across - left) for index in range(panels)]
        if strip:
            self.panels.append(self._axes(panels, (0.0, 1.0, 0.0, strip / self.body)))

    def _panel(self, index: int, wide: float | int, across: float | int) -> Panel:
        row, column = divmod(index, self.columns)
        x0 = column * (wide + self.left) / across
        top = 1 - (row * (self.panel_height + self.head + self.foot) + self.head) / self.body
        return self._axes(index, (x0, min(1.0, x0 + wide / across), max(0.0, top - self.panel_height / self.body), top))

    def _axes(self, index: int, box: tuple[float, float, float, float]) -> Panel:
        suffix = "" if index == 0 else str(index + 1)
        self.axes[f"xaxis{suffix}"] = {"domain": [box[0], box[1]], "anchor": f"y{suffix}"}
        self.axes[f"yaxis{suffix}"] = {"domain": [box[2], box[3]], "anchor": f"x{suffix}"}
        return Panel(f"x{suffix}", f"y{suffix}", box)

    def axis(self, panel: Panel, x: dict[str, Any] | str | None = None, y: dict[str, Any] | str | None = None) -> None:
        """Set a panel's axes: a title, which is wrapped below the last row, or any of plotly's axis settings."""
        for name, setting in ((panel.x, x), (panel.y, y)):
            if setting is not None:
                values: dict[str, Any] = {"title": setting} if isinstance(setting, str) else dict(setting)
                if isinstance(values.get("title"), str):
                    title = self.look.said(values["title"])
                    values["title"] = {"text": self._below(panel, title) if name == panel.x else title}
                self.axes[f"{name[0]}axis{name[1:]}"] |= values

    def _below(self, panel: Panel, title: str) -> str:
        """The title of an x axis, wrapped if nothing is below it; the foot grows by its lines."""
        left, right, bottom, _ = panel.box
        if bottom > 0.001:
            return title
        title = wrap(title, (right - left) * (self.look.width - self.left - self.margin_right), 13)
        self.foot = max(self.foot, self._foot + 17 * title.count("<br>"))
        return title

    def deepen(self, panel: Panel, pixels: int) -> None:
        """Extend a panel without tick labels down into its unused foot."""
        domain = self.axes[f"yaxis{panel.y[1:]}"]["domain"]
        domain[0] = max(0.0, domain[0] - pixels / self.body)

    def blank(self, panel: Panel, x: tuple[Any, Any], y: tuple[Any, Any]) -> None:
        """Axes without numbers, for maps and pictures: a frame and a fixed range."""
        for name, limits in ((panel.x, x), (panel.y, y)):
            self.axes[f"{name[0]}axis{name[1:]}"] |= {
                "range": [float(limits[0]), float(limits[1])],
                "showticklabels": False,
                "showgrid": False,
                "ticks": "",
                "mirror": True,
                "linecolor": self.look.shades.grid,
            }

    def add(self, panel: Panel, trace: dict[str, Any], *, key: str | None = None) -> None:
        """Add a trace to a panel; traces of one `key` share one legend entry, those without a key have none."""
        if self.look.condition:
            trace = trace | {word: self.look.said(trace[word]) for word in ("name", "hovertemplate") if word in trace}
        trace = {**trace, "xaxis": panel.x, "yaxis": panel.y, "showlegend": key is not None and key not in self._keys}
        if key is not None:
            trace["legendgroup"] = key
            self._keys.setdefault(key, str(trace["name"]))
        self.traces.append(trace)

    def title(self, panel: Panel, text: str, *, colour: str | None = None) -> None:
        """A title above one panel."""
        x0, x1, _, top = panel.box
        font = {"size": 13, "color": colour or self.look.shades.ink}
        self.annotations.append(
            _paper(self.look.said(text), (x0 + x1) / 2, top, xanchor="center", yanchor="bottom", yshift=3, font=font)
        )

    def note(self, panel: Panel, text: str, x: float | int, y: float | int, **more: Any) -> None:
        """Text inside a panel; `x` and `y` are shares of it (0..1)."""
        x0, x1, y0, y1 = panel.box
        font = {"size": 12, "color": self.look.shades.soft} | more.pop("font", {})
        text = self.look.said(text)
        self.annotations.append(_paper(text, x0 + x * (x1 - x0), y0 + y * (y1 - y0), font=font, **more))

    def empty(self, panel: Panel, text: str) -> None:
        """Write in the middle of a panel why it is empty."""
        self.note(panel, text, 0.5, 0.5, xanchor="center", yanchor="middle", bgcolor=self.look.shades.panel)

    def _unused(self) -> list[dict[str, Any]]:
        """An empty trace for each visible panel without traces: plotly would not draw its axes."""
        used = {trace["xaxis"] for trace in self.traces}
        nothing = {"type": "scatter", "mode": "markers", "name": "nothing", "x": [None], "y": [None]}
        nothing |= {"marker": {"color": self.look.shades.soft}, "showlegend": False, "hoverinfo": "skip"}
        return [
            nothing | {"xaxis": panel.x, "yaxis": panel.y}
            for panel in self.panels
            if panel.x not in used and self.axes[f"xaxis{panel.x[1:]}"].get("visible", True)
        ]

    def figure(
        self,
        title: str,
        caption: str,
        *,
        layout: dict[str, Any] | None = None,
        frames: list[dict[str, Any]] | None = None,
    ) -> Figure:
        """The finished figure.

        Args:
            title: One sentence that says what the figure shows.
            caption: n, intervals and whatever else a reader must know; the look's source is added.
            layout: Further layout properties.
            frames: Animation frames.
        """
        look, shade = self.look, self.look.shades
        self.traces += self._unused()
        title, caption = singular(look.said(title)), singular(look.said(caption))
        caption = f"{caption} Source: {escape(look.source)}." if look.source else caption
        size = 17 if look.width >= 900 else 15
        heading = wrap(title, (look.width - 30) / BOLD, size)
        below = wrap(caption, look.width - 30, 12)
        title_px = 14 + heading.count("<br>") * round(size * 1.3) + round(size * 1.5)
        legend_px = 24 * self._legend_rows()
        top = title_px + legend_px + 8
        bottom = self.foot + 17 * (below.count("<br>") + 1) + 8
        foot = {"size": 12, "color": shade.soft}
        caption_note = _paper(below, 0, 0, xanchor="left", yanchor="top", yshift=-self.foot - 2, font=foot)
        caption_note |= {"xshift": 6 - self.left, "align": "left", "name": "caption"}
        height = self.body + top + bottom
        values = {
            "template": template(look),
            "title": {
                "text": f"<b>{heading}</b>", "font": {"size": size, "color": shade.ink},
                "x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top",
                "pad": {"l": 8, "t": 12 + ("<br>" in heading) * round(0.75 * size)},  # plotly lifts titles of two lines
            },
            "margin": {"l": self.left, "r": self.margin_right, "t": top, "b": bottom},
            "height": height,
            "legend": {
                "orientation": "h", "x": 0, "xref": "container", "xanchor": "left",
                "y": 1 - title_px / height, "yref": "container", "yanchor": "top",
                "itemsizing": "trace" if self._only_lines() else "constant", "traceorder": "normal",
            },
            "annotations": [*self.annotations, caption_note],
            "shapes": self.shapes,
            "images": self.images,
            "meta": {"title": title, "caption": caption, "top": title_px, "bottom": bottom - self.foot},
            **self.axes,
            **(layout or {}),
        }  # fmt: skip
        return unvalidated(self.traces, values, frames)

    def _only_lines(self) -> bool:
        return all("lines" in trace.get("mode", "") for trace in self.traces if trace["showlegend"])

    def _legend_rows(self) -> int:
        if not self._keys:
            return 0
        widths = [entry_width(trace["name"], trace.get("mode")) for trace in self.traces if trace["showlegend"]]
        room = self.look.width - 20
        return 1 if sum(widths) <= room else math.ceil(len(widths) / max(1, int(room // max(widths))))


def entry_width(name: str, mode: str | None) -> float:
    """Width of a trace's legend entry in pixels; a line needs more than a marker.

    Args:
        name: Name of the trace.
        mode: Mode of the trace, "lines", "markers" or None.
    """
    return text_width(name, LEGEND) + (56.0 if "lines" in (mode or "") else 48.0)


def text_width(text: str, size: int) -> float:
    """Upper bound on the width of one line in pixels; tags count nothing, an entity one letter.

    Args:
        text: May contain tags and entities.
        size: Font size in pixels.
    """
    import re

    letters = re.sub(r"&\w+;", "x", re.sub(r"<[^>]+>", "", text))
    return size * sum(next((wide for some, wide in WIDTHS if letter in some), 0.66) for letter in letters)


def wrap(text: str, width: float | int, size: int) -> str:
    """Wrap text to `width` pixels at a font size of `size` pixels; words, names and "5 %" are not broken."""
    room = max(20, int(width / (size * CHARACTER)))
    lines = textwrap.wrap(text.replace(" %", PERCENT), room, break_long_words=False, break_on_hyphens=False)
    return "<br>".join(lines).replace(PERCENT, " %") or text


def _paper(text: str, x: float | int, y: float | int, **more: Any) -> dict[str, Any]:
    return {"text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False, **more}
