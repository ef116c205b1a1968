"""What was computed from tables that are shared and never changed, kept for the next run of a page's script."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import pandas as pd

from tla.plots import Pictures

MOST = 96
_PLAIN = (str, int, float, bool, type(None))


class Same:
    """A table, or the pictures of a study, as a key: equal to itself alone, whatever is in it.

    Args:
        table: Kept with the key, so that no other takes its place in memory.
    """

    def __init__(self, table: pd.DataFrame | Pictures) -> None:
        self.table = table

    def __hash__(self) -> int:
        return id(self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.table is other.table


class _Call(NamedTuple):
    """A call as a key."""

    function: Callable[..., Any]
    values: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...]


def kept(function: Callable[..., Any], *values: Any, **options: Any) -> Any:
    """The result of a call, from an earlier one with the very same tables and equal plain values if there was one.

    Args:
        function: Depends on nothing else and changes nothing; its result must not be changed either.
        values: Tables, plain or hashable values, lists of plain values.
        options: The same, by keyword; with anything else, such as an array, the call is made anew.
    """
    try:
        key = _Call(function, tuple(map(_key, values)), tuple((name, _key(value)) for name, value in options.items()))
    except TypeError:
        return function(*values, **options)
    return _kept(key)


@lru_cache(maxsize=MOST)
def _kept(call: _Call) -> Any:
    return call.function(*map(_value, call.values), **{name: _value(value) for name, value in call.options})


class _Items(NamedTuple):
    """A list as a key."""

    items: tuple[Any, ...]


def _key(value: Any) -> Any:
    if isinstance(value, pd.DataFrame | Pictures):
        return Same(value)
    if isinstance(value, list) and all(isinstance(item, _PLAIN) for item in value):
        return _Items(tuple(value))
    hash(value)  # a TypeError for what cannot be a key
    return value


def _value(key: Any) -> Any:
    return key.table if isinstance(key, Same) else list(key.items) if isinstance(key, _Items) else key
