"""A figure's own options: which it has, of which type, and which values its tables allow."""

import dataclasses
import inspect
import math
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tla.config import converted
from tla.messages import did_you_mean

COLUMNS = {
    "method": "method", "methods": "method", "one": "method", "other": "method", "base": "method",
    "attack": "attack", "attacks": "attack", "detector": "detector", "projection": "projection", "eps": "eps",
    "seed": "seed", "image": "id", "query": "id", "marked": "id", "klass": "y", "classes": "y", "true": "y",
    "false": "y", "kinds": "kind", "parameter": "parameter",
}  # fmt: skip
"""The column whose values an option takes."""

NEAR = 1e-5
"""A radius of a table may differ by this share from the one that is asked for: older tables have it in 32 bits."""

SUMS = ("worst", "clean")
"""Attacks that a figure computes where its table does not hold them."""

BOUNDS: dict[str, tuple[float, float]] = {
    "k": (1, 1000),
    "bins": (2, 1000),
    "most": (1, 100_000),
    "most_arrows": (1, 100_000),
    "frames": (2, 200),
    "false_alarms": (0, 1),
    "alpha": (0, 1e6),
}
"""Smallest and largest value of an option that is a number."""

_GIVEN = (pd.DataFrame, np.ndarray)


def settings_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The options of a figure that plain values can set: name and type.

    Args:
        function: A registered figure.
    """
    hints = typing.get_type_hints(function)
    others = {"look", "pictures", *getattr(function, "tables", ()), *getattr(function, "optional", ())}
    keywords = inspect.signature(function).parameters.items()
    plain = {
        name: hints.get(name, Any) for name, one in keywords if one.kind == one.KEYWORD_ONLY and name not in others
    }
    return {name: kind for name, kind in plain.items() if _is_plain(kind)}


def takes_several(kind: Any) -> bool:
    """True for the type of an option that takes a list."""
    parts = typing.get_args(kind)
    return typing.get_origin(kind) in (tuple, Sequence) or any(
        takes_several(part) for part in parts if part is not kind
    )


def checked(name: str, function: Callable[..., Any], given: Mapping[str, Any], frames: Sequence[Any]) -> dict[str, Any]:
    """The options with their values converted.

    Args:
        name: Of the figure.
        function: The figure.
        given: Its options.
        frames: The tables that it draws.

    Raises:
        ValueError: for an unknown option, or a value of another type, out of bounds or not in the tables.
    """
    settings = settings_of(function)
    keywords = inspect.signature(function).parameters
    found: dict[str, Any] = {}
    for option, value in given.items():
        if option in keywords and option not in settings:  # an array, a frame or pictures, from Python
            found[option] = value
            continue
        if option not in settings:
            raise ValueError(f"figure {name!r} has no option {option!r}; it has: {', '.join(settings) or 'none'}")
        found[option] = converted(settings[option], value, f"figure {name!r}: {option}")
        if isinstance(found[option], tuple) and option in (*COLUMNS, "measures", "parts"):
            found[option] = tuple(dict.fromkeys(found[option]))  # each panel and line once
        for item in found[option] if isinstance(found[option], tuple) else (found[option],):
            if not (item in SUMS and item == keywords[option].default):
                _check(f"figure {name!r}: {option}", option, item, frames)
    return found


def _check(where: str, option: str, value: Any, frames: Sequence[Any]) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} must be a finite number, got {value}")
    if option in BOUNDS and value is not None and not BOUNDS[option][0] <= value <= BOUNDS[option][1]:
        raise ValueError(f"{where} must lie in {BOUNDS[option][0]:g}..{BOUNDS[option][1]:g}, got {value}")
    column = COLUMNS.get(option)
    columns = [frame[column] for frame in frames if column is not None and column in frame]
    if value is None or not columns:
        return
    known = list(dict.fromkeys(one for values in columns for one in values.dropna().unique().tolist()))
    if isinstance(value, float):
        if not any(math.isclose(one, value, rel_tol=NEAR, abs_tol=1e-8) for one in known):
            raise ValueError(f"{where}: {value:g} is not in the study; Known: {', '.join(f'{one:g}' for one in known)}")
    elif value not in known:
        raise ValueError(f"{where}: {value!r} is not in the study; {_known(value, known)}")


def _known(value: Any, known: list[Any]) -> str:
    if isinstance(value, str):
        return did_you_mean(value, [str(one) for one in known])
    shown = sorted(known)
    more = f" and {len(shown) - 12} more" if len(shown) > 12 else ""
    return f"Known: {', '.join(map(str, shown[:12]))}{more}"


def _is_plain(kind: Any) -> bool:
    """True for types that `tla.config.converted` can make of plain values."""
    if kind in _GIVEN or dataclasses.is_dataclass(kind):
        return False
    return all(_is_plain(part) for part in typing.get_args(kind) if isinstance(part, type) or typing.get_origin(part))
