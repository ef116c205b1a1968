"""How far something has got, and how long the rest of it takes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class StageProgress(NamedTuple):
    """Progress of work that is done in stages of about equal length: a report, a pack, an explorer.

    Attributes:
        text: The stage that begins, in words.
        done: How many stages are done.
        total: How many there are.
    """

    text: str
    done: int
    total: int

    @property
    def share(self) -> float:
        """The finished share, 0..1."""
        return self.done / self.total


class Stages:
    """Reports the stages of a piece of work, one after the other.

    Args:
        progress: Called with a `StageProgress` when a stage begins.
        total: How many stages there are.
    """

    def __init__(self, progress: Callable[[StageProgress], None] | None, total: int) -> None:
        self._progress, self._total, self._begun = progress, total, 0

    def begin(self, text: str) -> None:
        """The next stage begins: what it does, in words."""
        if self._progress is not None:
            self._progress(StageProgress(text, self._begun, self._total))
        self._begun += 1


SOONEST = 1.0
"""Seconds of work before which nothing is estimated."""


@dataclass
class Pace:
    """The end of a piece of work, estimated from its reports: the rest goes as fast as what was done since the first.

    What was finished in an earlier run does not count, and a share below the last one begins the next piece of work.
    """

    _began: float | None = None
    _first: float = 0.0
    _last: float = 0.0
    _ends: float | None = None

    def report(self, share: float, *, counts: bool = True) -> None:
        """Take note of how far the work has got.

        Args:
            share: Finished, 0..1.
            counts: Whether it was done just now, not in an earlier run.
        """
        now = time.monotonic()
        if share < self._last or not (counts or self._last > self._first):
            self._began = None
        elif not counts:
            self._first += share - self._last
        if self._began is None:
            self._began, self._first, self._ends = (now if counts else None), share, None
        elif share > self._last and now - self._began >= SOONEST:
            self._ends = now + (now - self._began) * (1 - share) / (share - self._first)
        self._last = share

    @property
    def left(self) -> float | None:
        """Seconds until the end; None before the first estimate, and when that has run out.

        Between two reports it counts down.
        """
        left = -1.0 if self._ends is None else self._ends - time.monotonic()
        return left if left >= 0 else None


def in_words(seconds: float) -> str:
    """A time as precisely as an estimate deserves: "8 s", "3 min", "2.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
