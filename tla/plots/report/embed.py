"""Figures on a page: one JSON for all widths, recoloured for the dark theme in the browser."""

import json
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

from tla.plots.base import Figure
from tla.plots.drawing.heatmap import SCALES
from tla.plots.drawing.theme import DARK_SHADES, LIGHT_SHADES, Look

WIDTHS = {"wide": 1110, "middle": 550, "small": 345}
"""Widths that figures are laid out for: a desktop, half a desktop, a phone."""

Draw = Callable[[Look], Figure]


def colours() -> dict[str, str]:
    """Each light colour of the figures with its dark counterpart."""
    pairs = dict(zip(SCALES["light"], SCALES["dark"], strict=True))
    pairs |= dict(zip(LIGHT_SHADES.ten, DARK_SHADES.ten, strict=True))
    return pairs | dict(zip(LIGHT_SHADES[:-1], DARK_SHADES[:-1], strict=True))


def recoloured(value: Any, pairs: dict[str, str]) -> Any:
    """Plain JSON values with every colour replaced, as the page's script does in the browser.

    Args:
        value: Dictionaries, lists, strings, numbers.
        pairs: See `colours`.
    """
    if isinstance(value, str):
        if value.startswith("rgba("):
            red, green, blue, opacity = value[5:-1].split(",")
            other = pairs.get(f"#{int(red):02x}{int(green):02x}{int(blue):02x}")
            return value if other is None else "rgba({},{},{},{})".format(*_bytes(other), opacity)
        return pairs.get(value, value)
    if isinstance(value, dict):
        return {key: recoloured(item, pairs) for key, item in value.items()}
    return [recoloured(item, pairs) for item in value] if isinstance(value, list) else value


def _bytes(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def bare(values: dict[str, Any]) -> dict[str, Any]:
    """A figure without its title and caption, which the page shows itself as text that wraps.

    Args:
        values: A figure's JSON.
    """
    layout = dict(values["layout"])
    above, below = layout["meta"]["top"] - 6, layout["meta"]["bottom"]
    margin = layout["margin"]
    layout["margin"] = margin | {"t": margin["t"] - above, "b": margin["b"] - below + 4}
    layout["height"] = layout["height"] - above - below + 4
    layout["legend"] = layout["legend"] | {"y": 1 - 4 / layout["height"]}
    layout["annotations"] = [note for note in layout["annotations"] if note.get("name") != "caption"]
    for key in ("title", "meta"):
        layout.pop(key)
    return {"data": values["data"], "layout": layout}


def difference(old: Any, new: Any, path: tuple[str | int, ...] = ()) -> list[list[Any]]:
    """The changes that turn `old` into `new`: [path, value], or [path] for a removed key.

    Args:
        old: Plain JSON values.
        new: Their changed version.
        path: Path of both in the whole.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        changes = [[[*path, key]] for key in old if key not in new]
        for key, value in new.items():
            changes += difference(old[key], value, (*path, key)) if key in old else [[[*path, key], value]]
        return changes
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            change for i, (a, b) in enumerate(zip(old, new, strict=True)) for change in difference(a, b, (*path, i))
        ]
    return [] if old == new else [[list(path), new]]


def embedded(name: str, draw: Draw, look: Look, *, note: str = "") -> str:
    """A figure as HTML: heading, canvas, caption, and its JSON for every width.

    Args:
        name: Unique name on the page.
        draw: Draws the figure for a look.
        look: The light look; its width is replaced.
        note: HTML to add to the caption.
    """
    figures = {key: draw(replace(look, theme="light", width=width, source="")) for key, width in WIDTHS.items()}
    whole = {key: json.loads(str(figure.to_json())) for key, figure in figures.items()}
    meta = whole["wide"]["layout"]["meta"]
    base = bare(whole["wide"])
    spec: dict[str, Any] = {"wide": base}
    spec |= {key: difference(base, bare(values)) for key, values in whole.items() if key != "wide"}
    text = json.dumps(spec, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    alt = escape(f"{plain(meta['title'])}. {plain(meta['caption'])}", quote=True)
    return (
        f'<figure class="card plot" id="figure-{name}"><h3>{meta["title"]}</h3>'
        f'<div class="canvas" role="img" aria-label="{alt}" style="min-height:{base["layout"]["height"]:.0f}px"></div>'
        f"<figcaption>{meta['caption']}{' ' + note if note else ''}</figcaption>"
        f'<script type="application/json">{text}</script></figure>'
    )


def plain(text: str) -> str:
    """Text without tags and entities."""
    import re
    from html import unescape

    return unescape(re.sub(r"<[^>]+>", " ", text))
