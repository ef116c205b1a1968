"""Words of the command line before a verb reads them, and warnings as it prints them."""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from tla.config import quotient

PATHS = ("--out", "--data", "--data-root", "--data_root", "--junit", "--set")
"""Options whose values are names of files, or read elsewhere."""

COMPUTING = ("study", "sweep", "attack", "audit", "app")
"""Verbs that compute on a device, and take `--device`."""


def with_quotients(words: Sequence[str]) -> list[str]:
    """The same words with 8/255 as a number, wherever an option may take one."""
    found, option = [], ""
    for word in words:
        head, equals, value = word.partition("=")
        if word.startswith("--"):
            option = head
        if option and option not in PATHS:
            number = quotient(value if equals else word)
            word = f"{head}={number}" if equals and word.startswith("--") else str(number) if not equals else word
        found.append(word)
    return found


def with_device(verb: str, words: Sequence[str]) -> list[str]:
    """The words without `--device NAME`, which is put into TLA_DEVICE for this process and those that it starts.

    Raises:
        ValueError: if no name follows.
    """
    rest = list(words)
    at = next((at for at, word in enumerate(rest) if word.partition("=")[0] == "--device"), None)
    if at is None or verb not in COMPUTING:
        return rest
    _, equals, value = rest.pop(at).partition("=")
    if not equals and at == len(rest):
        raise ValueError("--device takes a name: auto, cpu, cuda, cuda:1 or mps")
    os.environ["TLA_DEVICE"] = value if equals else rest.pop(at)
    return rest


@contextlib.contextmanager
def plain_warnings(verb: str) -> Iterator[None]:
    """Print a warning of tla as one line on stderr, and others as Python does."""
    usual = warnings.showwarning

    def show(message: Any, category: type[Warning], *rest: Any) -> None:
        if category.__module__.startswith("tla."):
            print(f"tla {verb}: warning: {message}", file=sys.stderr)
        else:
            usual(message, category, *rest)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual
