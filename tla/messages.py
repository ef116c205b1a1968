"""Phrases that several packages use in their error messages."""

import difflib
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


def first_line(error: BaseException) -> str:
    """The first sentence or line of an error, to quote it in one sentence of ours."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text[:300].rstrip(".")
