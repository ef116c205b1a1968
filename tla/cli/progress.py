"""A study's progress in the terminal: one bar for the whole, one line per finished step."""

import contextlib
import os
from collections.abc import Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tla.study.progress import StudyProgress, Watcher


def speaks() -> bool:
    """True in the process that prints: the first of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def watching(console: Console) -> Iterator[Watcher]:
    """A watcher that draws what it is told on the console, until the block ends."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("starting", total=1.0)

        def watch(news: StudyProgress) -> None:
            bar.update(task, completed=news.done, description=f"{news.step:<24} {news.message}"[:72])
            if news.state == "done":
                _line(bar, "[green]done[/]    ", news)
            elif news.state == "skipped":
                _line(bar, "[dim]finished[/]", news)
            elif news.state == "failed":
                _line(bar, "[red]failed[/]  ", news)

        yield watch


def _line(bar: Progress, word: str, news: StudyProgress) -> None:
    bar.console.print(f"  {word} {news.step:<24} {news.message}", highlight=False, soft_wrap=True)
