"""A bar with the time left for whatever takes long, in a terminal and in a notebook."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Task


@runtime_checkable
class Reported(Protocol):
    """How far something has got: the progress of a training, an evaluation, an audit or a study."""

    @property
    def share(self) -> float:
        """The finished share, 0..1."""
        ...

    @property
    def text(self) -> str:
        """What is happening, in words."""
        ...


class TimeLeft(ProgressColumn):
    """The time left if the rest goes as fast as what was done since the bar's first report.

    Between two reports it counts down; nothing is shown before the first estimate, and when it has run out.
    """

    max_refresh = 0.5

    def render(self, task: "Task") -> Text:
        """The time, or nothing while it is not known."""
        ends = task.fields.get("ends")
        left = -1.0 if ends is None else ends - time.monotonic()
        return Text(f"{in_words(left)} left" if left >= 0 else "", style="progress.remaining")


def in_words(seconds: float) -> str:
    """A time as precisely as an estimate deserves: "8 s", "3 min", "2.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def columns() -> tuple[ProgressColumn, ...]:
    """What every bar shows: words, bar, share, time so far, time left."""
    return (
        TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn(), TimeElapsedColumn(), TimeLeft()
    )  # fmt: skip


class ProgressBar:
    """Shows the progress of a training, an evaluation, an audit or a study.

        with tla.ProgressBar() as bar:
            tla.train(model, images, method, config, seed=0, folder=folder, progress=bar)

    It is passed as `progress`, one after the other to as many calls as there are, and disappears with the block. Of a
    study that goes on, what was finished before does not count for the time left.

    Args:
        title: Before the words.
        console: Where it is drawn; by default the standard output, or the notebook's cell.
    """

    def __init__(self, title: str = "", *, console: "Console | None" = None) -> None:
        self.title = title
        self._bar = Progress(*columns(), console=console, transient=True, refresh_per_second=4)
        self._task = self._bar.add_task(title, total=1.0)
        self._share = self._first = 0.0
        self._began: float | None = None

    def __enter__(self) -> "ProgressBar":
        """Show it."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it."""
        self._bar.stop()

    def __call__(self, now: Reported) -> None:
        """Show how far something has got."""
        self.show(now.share, now.text, counts=getattr(now, "state", "running") != "skipped")

    def show(self, share: float, text: str, *, counts: bool = True) -> None:
        """Show a share and words.

        Args:
            share: Finished, 0..1; less than before is the next piece of work, with a clock of its own.
            text: In words.
            counts: Whether it was done just now, not in an earlier run.
        """
        now = time.monotonic()
        if share < self._share or not counts:
            self._began = None
        if self._began is None and counts:
            self._began, self._first = now, share
        if self._began is None or share <= self._first:
            ends = None
        elif share > self._share:
            ends = now + (now - self._began) * (1 - share) / (share - self._first)
        else:
            ends = self._bar.tasks[0].fields.get("ends")
        self._share = share
        words = f"{self.title}  {text}" if self.title and text else self.title or text
        self._bar.update(self._task, completed=share, description=words, ends=ends)

    def print(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(line, highlight=False, soft_wrap=True)
