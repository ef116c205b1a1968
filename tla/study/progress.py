"""Progress of a running study: passed to a callback, and written to the study folder for other processes."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class StudyProgress(NamedTuple):
    """State of a running study.

    Attributes:
        step: Name of the step, "train/at-seed0".
        state: "skipped", "running", "done" or "failed".
        done: Finished share of the whole study, 0..1.
        message: What is happening, in words.
    """

    step: str
    state: str
    done: float
    message: str


ProgressCallback = Callable[[StudyProgress], None]


@dataclass
class ProgressReporter:
    """Calls back on every report, and writes progress.json a few times a second at most.

    Args:
        folder: The study folder.
        weights: Expected share of each step, in any unit.
        callback: Called with every report.
    """

    folder: Path
    weights: dict[str, float]
    callback: ProgressCallback | None = None
    _finished: float = 0.0
    _last: float = field(default=0.0, repr=False)

    def report(self, step: str, state: str, share: float = 0.0, message: str = "") -> None:
        """Report the state of a step.

        Args:
            step: One of the steps in `weights`.
            state: "skipped", "running", "done" or "failed".
            share: Finished share of the step, 0..1, while it runs.
            message: What is happening.
        """
        weight = self.weights.get(step, 0.0)
        total = sum(self.weights.values()) or 1.0
        if state in ("skipped", "done"):
            self._finished += weight
            share = 0.0
        progress = StudyProgress(step, state, min(1.0, (self._finished + weight * share) / total), message)
        if self.callback is not None:
            self.callback(progress)
        now = time.monotonic()
        if state != "running" or now - self._last > 0.3:
            self._last = now
            self._write(progress)

    def _write(self, progress: StudyProgress) -> None:
        text = json.dumps(progress._asdict() | {"time": time.time()})
        temporary = self.folder / ".progress.json.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.folder / "progress.json")
