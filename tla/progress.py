"""A bar with the time left for whatever takes long, in a terminal and in a notebook."""

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rich import get_console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from tla.pace import Pace, in_words

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
    """The time left, by the task's `pace`."""

    max_refresh = 0.5

    def render(self, task: "Task") -> Text:
        """The time, or nothing while it is not known."""
        left = task.fields["pace"].left
        return Text("" if left is None else f"{in_words(left)} left", style="progress.remaining")


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
        console = console or get_console()
        drawn = console.is_terminal or console.is_jupyter  # elsewhere Rich would end what it did not draw with a line
        self._bar = Progress(*columns(), console=console, transient=True, refresh_per_second=4, disable=not drawn)
        self._pace = Pace()
        self._task = self._bar.add_task(title, total=1.0, pace=self._pace)

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
        self.show(now.share, now.text, counts=not getattr(now, "resumed", False))

    def show(self, share: float, text: str, *, counts: bool = True) -> None:
        """Show a share and words.

        Args:
            share: Finished, 0..1; less than before is the next piece of work, with a clock of its own.
            text: In words.
            counts: Whether it was done just now, not in an earlier run.
        """
        self._pace.report(share, counts=counts)
        words = f"{self.title}  {text}" if self.title and text else self.title or text
        self._bar.update(self._task, completed=share, description=words)

    def print(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(line, highlight=False, soft_wrap=True)
