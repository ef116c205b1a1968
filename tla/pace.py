"""How long the rest of something takes, from how fast it has gone so far."""

import time
from dataclasses import dataclass


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
        if share < self._last or not counts:
            self._began = None
        if self._began is None:
            self._began, self._first, self._ends = (now if counts else None), share, None
        elif share > self._last:
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
