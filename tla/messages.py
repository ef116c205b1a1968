"""Phrases that several packages use in their error messages."""

import difflib
import math
import os
from collections.abc import Iterable


def readable(name: str) -> str:
    """A file's name as text that can be written: a byte that is not UTF-8 becomes a backslash and its number."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a mistyped word.

    Args:
        word: What was given.
        known: What is allowed.

    Returns:
        "did you mean 'pgd'? Known: ...", or without a close match only "Known: ...".
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(names)}"


def radius_text(eps: float | int, like: float | int | None = None) -> str:
    """A radius in pixel units as people write it: "0.3", "8/255".

    Args:
        eps: The radius.
        like: Another radius, whose unit to use; by default 255ths only where they are whole and 0.001 is too coarse.
    """
    if not math.isfinite(eps):
        return "\N{EN DASH}"
    unit = eps if like is None else like
    grey = 255 * unit
    in_grey = abs(unit - round(unit, 3)) > 1e-6 and abs(grey - round(grey)) < 1e-3
    return f"{255 * eps:.3g}/255" if in_grey and eps else f"{eps:.4g}"


def first_line(error: BaseException) -> str:
    """The first sentence or line of an error, to quote it in one sentence of ours."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text[:300].rstrip(".")
