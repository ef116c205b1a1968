"""Progress of a running study: passed to a callback, and written to the study folder for other processes."""

import json
import math
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tla.pace import Pace


class StudyProgress(NamedTuple):
    """State of a running study.

    Attributes:
        step: Name of the step, "train/at-seed0".
        state: "skipped", "running", "done" or "failed".
        done: Finished share of the whole study, 0..1.
        message: What is happening, in words.
        left: Seconds until the study is finished, at its speed so far; None while nothing is known.
        resumed: Whether what is new in `done` was done in an earlier run.
    """

    step: str
    state: str
    done: float
    message: str
    left: float | None = None
    resumed: bool = False

    @property
    def share(self) -> float:
        """`done`."""
        return self.done

    @property
    def text(self) -> str:
        """Step and message in one line."""
        return f"{self.step:<24} {self.message}"


ProgressCallback = Callable[[StudyProgress], None]


@dataclass
class ProgressReporter:
    """Calls back on every report, and writes progress.json: as steps begin and end, and a few times a second.

    Args:
        folder: The study folder.
        weights: Expected share of each step, in any unit.
        callback: Called with every report.
        there: Steps that an earlier run finished; they count from the start, whenever their turn comes.
    """

    folder: Path
    weights: dict[str, float]
    callback: ProgressCallback | None = None
    there: Collection[str] = ()
    _finished: set[str] = field(init=False, repr=False)
    _over: set[str] = field(default_factory=set, repr=False)
    _running: dict[str, float] = field(default_factory=dict, repr=False)
    _last: float = field(default=0.0, repr=False)
    _pace: Pace = field(default_factory=Pace, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self._finished = set(self.there)

    def report(self, step: str, state: str, share: float = 0.0, message: str = "", *, resumed: bool = False) -> None:
        """Report the state of a step; several may run at a time, and report from several threads.

        Args:
            step: One of the steps in `weights`.
            state: "skipped", "running", "done" or "failed".
            share: Finished share of the step, 0..1, while it runs.
            message: What is happening.
            resumed: Whether an earlier run got as far as this share.
        """
        with self._lock:
            if state == "running" and step in self._over:  # said before it ended, heard after
                return
            resumed, begins = resumed or state == "skipped", step not in self._running
            if state == "running":
                self._finished.discard(step)
                self._running[step] = share
            else:
                self._running.pop(step, None)
                self._over.add(step)
            if state in ("skipped", "done"):
                self._finished.add(step)
            done = self._done()
            self._pace.report(done, counts=not resumed)
            progress = StudyProgress(step, state, done, message, self._pace.left, resumed)
            if self.callback is not None:
                self.callback(progress)
            now = time.monotonic()
            if begins or state != "running" or now - self._last > 0.3:
                self._last = now
                self._write(progress)

    def _done(self) -> float:
        """The finished share: rounded once, so that it never falls by the order in which steps end."""
        shares = {**dict.fromkeys(self._finished, 1.0), **self._running}
        whole = math.fsum(self.weights.values()) or 1.0
        return min(1.0, math.fsum(share * self.weights.get(step, 0.0) for step, share in shares.items()) / whole)

    def _write(self, progress: StudyProgress) -> None:
        text = json.dumps(progress._asdict() | {"time": time.time()})
        temporary = self.folder / ".progress.json.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.folder / "progress.json")
