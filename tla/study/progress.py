"""How far a study is: told to whoever watches, and kept in the study folder for those who look in."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class StudyProgress(NamedTuple):
    """One piece of news of a running study.

    Attributes:
        step: Name of the step, "train/at-seed0".
        state: "skipped", "running", "done" or "failed".
        done: Finished share of the whole study, 0..1.
        message: What happens now, in words.
    """

    step: str
    state: str
    done: float
    message: str


Watcher = Callable[[StudyProgress], None]


@dataclass
class Teller:
    """Passes progress on and writes it to progress.json, a few times a second at the most.

    Args:
        folder: The study folder.
        weights: Expected share of every step, any unit.
        watch: Who else is told.
    """

    folder: Path
    weights: dict[str, float]
    watch: Watcher | None = None
    _finished: float = 0.0
    _last: float = field(default=0.0, repr=False)

    def tell(self, step: str, state: str, share: float = 0.0, message: str = "") -> None:
        """Report a step.

        Args:
            step: One of the steps in `weights`.
            state: "skipped", "running", "done" or "failed".
            share: How much of the step is done, 0..1, while it runs.
            message: What happens now.
        """
        weight = self.weights.get(step, 0.0)
        total = sum(self.weights.values()) or 1.0
        if state in ("skipped", "done"):
            self._finished += weight
            share = 0.0
        news = StudyProgress(step, state, min(1.0, (self._finished + weight * share) / total), message)
        if self.watch is not None:
            self.watch(news)
        now = time.monotonic()
        if state != "running" or now - self._last > 0.3:
            self._last = now
            self._write(news)

    def _write(self, news: StudyProgress) -> None:
        text = json.dumps(news._asdict() | {"time": time.time()})
        temporary = self.folder / ".progress.json.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.folder / "progress.json")
