"""One look for every figure: colour-blind-safe colours, each with a symbol, in a light and a dark theme."""

import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tla.plots.drawing.condition import said

LIGHT_TEN = (
    "#155595", "#f69304", "#018c64", "#e13a0c", "#8935e9",
    "#783501", "#ba69b4", "#3d2d4b", "#9baf90", "#0fb6fd",
)  # fmt: skip
DARK_TEN = (
    "#59a1ff", "#feb203", "#018886", "#fd671e", "#9655eb",
    "#a95521", "#d4bdff", "#a4a4a4", "#effa6b", "#9efefb",
)  # fmt: skip
"""Ten colours whose smallest OKLab distance under simulated protanopia, deuteranopia and tritanopia is 0.11
(tests/plots/test_theme.py measures it), found by a search that starts from hues that are easy to name."""

SYMBOLS = (
    "circle", "square", "diamond", "triangle-up", "cross",
    "x", "triangle-down", "star", "pentagon", "hexagram",
)  # fmt: skip
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
TIMES, DASH = "\u00d7", "\u2013"
FONT = "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"

METHOD_ORDER = ("natural", "at", "alp", "tla-rn", "tla-sa", "tla", "trades", "at-awp", "fast")
METHOD_COLOUR = {
    "natural": 7, "at": 0, "alp": 9, "tla-rn": 1, "tla-sa": 4, "tla": 3, "trades": 2, "at-awp": 5, "fast": 6,
}  # fmt: skip
METHOD_LABEL = {"natural": "Natural", "fast": "Fast"}
ATTACK_ORDER = ("clean", "fgsm", "bim", "mim", "cw", "pgd40", "pgd", "20xpgd", "apgd", "ensemble", "autoattack")
ATTACK_LABEL = {
    "clean": "Clean", "fgsm": "FGSM", "bim": "BIM", "mim": "MIM", "cw": "C&amp;W", "pgd": "PGD",
    "pgd40": "PGD-40", "20xpgd": f"20{TIMES}PGD",
    "apgd": "APGD", "ensemble": "Ensemble", "autoattack": "AutoAttack", "worst": "Worst case",
}  # fmt: skip


class Shades(NamedTuple):
    """The colours of a theme."""

    paper: str
    panel: str
    ink: str
    soft: str
    grid: str
    right: str
    wrong: str
    pale: str
    ten: tuple[str, ...]


class Style(NamedTuple):
    """How one method is drawn everywhere."""

    label: str
    colour: str
    symbol: str
    dash: str


LIGHT_SHADES = Shades("#ffffff", "#fbfbfc", "#1c2430", "#566072", "#e3e7ed", "#155595", "#e13a0c", "#b9c0ca", LIGHT_TEN)
DARK_SHADES = Shades("#0f141b", "#141a23", "#e8ecf2", "#a3adbb", "#2a3341", "#59a1ff", "#fd671e", "#5b6779", DARK_TEN)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a figure looks: the one argument that every figure function shares.

    Args:
        theme: "light" or "dark".
        width: Width in pixels that the figure is laid out for; it decides columns, line breaks and the height.
        source: Where the data come from, for the caption: "digits, seed 0, 2 CPU threads".
        classes: Class names; without them classes are called by their index.
        renderer: "gl" draws point clouds with WebGL, "svg" draws everything as vectors (print, many on a page).
        points: Maximum number of points drawn in one panel; more are thinned evenly.
        condition: In a study of embeddings, the condition that is compared with clean images; "" for an attack.
        shared: True if the gallery is the test images themselves, as where there are no others.
    """

    theme: Literal["light", "dark"] = "light"
    width: int = 1200
    source: str = ""
    classes: tuple[str, ...] = ()
    renderer: Literal["gl", "svg"] = "gl"
    points: int = 50_000
    condition: str = ""
    shared: bool = False

    @property
    def shades(self) -> Shades:
        """The colours of the theme."""
        return DARK_SHADES if self.theme == "dark" else LIGHT_SHADES

    @property
    def scatter(self) -> str:
        """Trace type for point clouds."""
        return "scattergl" if self.renderer == "gl" else "scatter"

    def class_name(self, index: int, most: int = 24) -> str:
        """Name of a class, escaped for a figure; one longer than `most` letters ends in an ellipsis."""
        if index < 0:
            return "unknown"
        name = self.classes[index] if index < len(self.classes) else str(index)
        return escape(name if len(name) <= most else f"{name[: most - 1].rstrip(' ,(')}\u2026")

    def class_colour(self, index: int) -> str:
        """Colour of a class; the ten colours then repeat with other symbols."""
        return self.shades.ten[index % 10]

    def class_symbol(self, index: int) -> str:
        """Marker symbol of a class."""
        return SYMBOLS[(index + index // 10) % 10]

    def methods(self, names: Any) -> dict[str, Style]:
        """Style of each method in the usual order; known ones look the same everywhere, others take free colours."""
        ordered = methods_of(names)
        taken = {METHOD_COLOUR[name] for name in ordered if name in METHOD_COLOUR}
        free = [index for index in range(10) if index not in taken] or list(range(10))
        styles = {}
        for position, name in enumerate(ordered):
            unknown = position - sum(other in METHOD_COLOUR for other in ordered[:position])
            index = METHOD_COLOUR.get(name, free[unknown % len(free)])
            rank = METHOD_ORDER.index(name) if name in METHOD_ORDER else position
            label = method_label(name)
            styles[name] = Style(label, self.shades.ten[index], SYMBOLS[rank % 10], DASHES[rank % 5])
        return styles

    def said(self, text: str) -> str:
        """A sentence about an attack and training images, as one about what there is instead."""
        return said(text, escape(self.condition), shared=self.shared)

    def ordinal(self, index: int) -> str:
        """Colour number `index` for anything but classes and methods."""
        return self.shades.ten[(0, 3, 1, 2, 4, 9, 6, 5, 8, 7)[index % 10]]


LIGHT = Look()
DARK = Look(theme="dark")


def escape(text: str) -> str:
    """Escape text so that plotly shows it literally."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def rgba(colour: str, opacity: float | int) -> str:
    """A hex colour with an opacity: "#155595" -> "rgba(21,85,149,0.2)"."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def attack_label(name: str) -> str:
    """Label of an attack: "20xpgd" -> "20\u00d7PGD"."""
    return ATTACK_LABEL.get(name, escape(name.upper()))


def in_order(names: Any, order: tuple[str, ...]) -> list[str]:
    """Distinct names: those of `order` in that order, then the others alphabetically."""
    distinct = {str(name) for name in (names.unique() if hasattr(names, "unique") else names)}
    return [name for name in order if name in distinct] + sorted(distinct - set(order))


def methods_of(names: Any) -> list[str]:
    """Distinct methods in the order of all figures; variants ("tla@pool=250") follow their method, sorted by value."""
    return sorted(in_order(names, METHOD_ORDER), key=_sort_key)


def _sort_key(name: str) -> tuple[Any, ...]:
    method, at, rest = name.partition("@")
    known = METHOD_ORDER.index(method) if method in METHOD_ORDER else len(METHOD_ORDER)
    parts = re.split(r"(\d+\.?\d*(?:e-?\d+)?)", rest)
    values = [(i % 2, float(part) if i % 2 else part) for i, part in enumerate(parts)]
    return (known, "" if known < len(METHOD_ORDER) else method, at, values)


def method_label(name: str) -> str:
    """Label of a method or variant: "at" -> "AT", "tla@pool=250" -> "TLA, pool 250"; a given model's name stays."""
    method, _, rest = name.partition("@")
    words = [METHOD_LABEL.get(method, escape(method.upper() if method in METHOD_ORDER else method))]
    for part in rest.split(",") if rest else ():
        key, _, value = part.partition("=")
        words.append(escape(f"{key.removeprefix('train.').removeprefix('model.').replace('_', ' ')} {value}"))
    return ", ".join(words)


def attacks_of(names: Any) -> list[str]:
    """Distinct attacks in the order of all figures."""
    return in_order(names, ATTACK_ORDER)


def template(look: Look) -> dict[str, Any]:
    """A plotly template of plain values: fonts, paper, axes, hover labels."""
    shade = look.shades
    axis = {
        "gridcolor": shade.grid,
        "zerolinecolor": shade.grid,
        "linecolor": shade.soft,
        "tickcolor": shade.soft,
        "tickfont": {"color": shade.soft, "size": 12},
        "title": {"font": {"color": shade.ink, "size": 13}, "standoff": 6},
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "zeroline": False,
    }
    layout = {
        "paper_bgcolor": shade.paper,
        "plot_bgcolor": shade.panel,
        "font": {"family": FONT, "color": shade.ink, "size": 13},
        "colorway": list(shade.ten),
        "xaxis": axis,
        "yaxis": axis,
        "hoverlabel": {"bgcolor": shade.panel, "bordercolor": shade.soft, "font": {"color": shade.ink, "size": 12}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": shade.soft, "activecolor": shade.ink},
        "legend": {"font": {"color": shade.ink, "size": 12}, "bgcolor": "rgba(0,0,0,0)"},
        "annotationdefaults": {"font": {"color": shade.ink}, "showarrow": False},
    }
    return {"layout": layout}
