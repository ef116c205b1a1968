"""Ids of images that somebody gave: each is there, or one sentence says which is not."""

from typing import Any

import numpy as np


def checked_ids(value: Any, known: np.ndarray, name: str) -> tuple[int, ...]:
    """Ids as a tuple, ascending, without repeats.

    Raises:
        ValueError: for anything but whole numbers, or ids that are not known.
    """
    try:
        given = np.atleast_1d(np.asarray(list(value) if not isinstance(value, np.ndarray) else value))
    except TypeError:
        raise ValueError(f"{name} must be ids of images, got {value!r}") from None
    if given.size == 0:
        return ()
    if given.dtype.kind not in "iu":
        raise ValueError(f"{name} must be whole numbers, the ids of images, got {given.tolist()[:3]}")
    wanted = np.unique(given.astype(np.int64))
    missing = wanted[~np.isin(wanted, known)]
    if len(missing):
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        names = ", ".join(map(str, missing[:3]))
        raise ValueError(f"{name} has ids that are not there: {names}{more}; ids are {describe_ids(known)}")
    return tuple(wanted.tolist())


def checked_id(value: Any, known: np.ndarray, name: str) -> int | None:
    """An id, or None.

    Raises:
        ValueError: for an id that is not known.
    """
    if value is None:
        return None
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not np.isin(value, known):
        raise ValueError(f"{name} must be None or the id of an image, got {value!r}; ids are {describe_ids(known)}")
    return int(value)


def describe_ids(ids: np.ndarray) -> str:
    """Which ids there are, in a few words: "0 to 499 (500 images)"."""
    return f"{int(ids.min())} to {int(ids.max())} ({len(ids)} images)" if len(ids) else "none"
