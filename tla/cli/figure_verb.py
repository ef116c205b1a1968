"""`tla figure NAME STUDY`: one figure, as a file."""

import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from tla.cli.help import summary
from tla.config import plain_value
from tla.pace import Stages
from tla.study.locate import open_study

MIN_WIDTH = 100
"""Pixels; a narrower figure has no room for a title."""


@dataclass(frozen=True, kw_only=True)
class FigureOptions:
    """Draw one figure of a study.

    Args:
        name: The figure; see below.
        study: A study folder, or the name of one under studies/ or among those that ship.
        out: Output file; its suffix gives the format: .html, .png, .svg, .pdf, .json, .csv. By default NAME.html.
        width: In pixels; the layout adapts to it.
        dark: The dark theme.
        set: The figure's own options: image=25 methods=at,tla.
    """

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    study: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="STUDY")]
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = field(default=None)
    width: int = 1200
    dark: bool = False
    set: tuple[str, ...] = ()


def run(words: list[str]) -> int:
    """Run `tla figure`."""
    from tla.plots import FIGURES
    from tla.plots.drawing.draw import draw, look_of
    from tla.plots.drawing.export import save
    from tla.progress import ProgressBar

    names = f"Figures: {', '.join(FIGURES.names())}"
    options = tyro.cli(FigureOptions, args=words, prog="tla figure", description=summary(FigureOptions, names))
    if options.width < MIN_WIDTH:
        raise ValueError(f"--width must be >= {MIN_WIDTH} pixels, got {options.width}")
    function = FIGURES.get(options.name)
    store = open_study(options.study)
    look = look_of(store, theme="dark" if options.dark else "light", width=options.width)
    path, settings = options.out or Path(f"{options.name}.html"), _settings(options.name, function, options.set)
    with ProgressBar() as bar:
        stages = Stages(bar, 2)
        stages.begin(f"drawing {options.name}")
        figure = draw(options.name, store, look=look, **settings)
        stages.begin(f"writing {path.name}")
        save(figure, path, width=options.width)
    print(f"Figure: {path.resolve()}")
    return 0


def _settings(name: str, function: Any, words: tuple[str, ...]) -> dict[str, Any]:
    """Options of a figure function from "key=value" words; commas separate several values."""
    from tla.plots.drawing.options import settings_of, takes_several

    kinds, found = settings_of(function), {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise ValueError(f"--set takes option=value, as in image=25; got {word!r}")
        if key not in kinds:
            raise ValueError(f"figure {name!r} has no option {key!r}; it has: {', '.join(kinds) or 'none'}")
        if key in found:
            raise ValueError(f"--set names {key} twice; several values are written {key}=a,b")
        values = [_value(kinds[key], value) for value in text.split(",")]
        found[key] = tuple(values) if takes_several(kinds[key]) or len(values) > 1 else values[0]
    return found


def _value(kind: Any, text: str) -> Any:
    """A word as the option's type reads it: a name that looks like a number stays a name."""
    parts = {part for part in (kind, *typing.get_args(kind)) for part in (part, *typing.get_args(part))}
    return text if str in parts else plain_value(text)
