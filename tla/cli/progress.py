"""A study's progress in the terminal: one bar for the study, one line per running or finished step."""

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

from tla.study.progress import ProgressCallback, StudyProgress


def is_first_process() -> bool:
    """True in the process that prints: the first of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def progress_bar(console: Console) -> Iterator[ProgressCallback]:
    """A progress callback that draws on the console until the block ends."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("starting", total=1.0)
        running: dict[str, str] = {}

        def show(progress: StudyProgress) -> None:
            line = f"{progress.step:<24} {progress.message}"[:72]
            if progress.state == "running":
                running[progress.step] = line
            else:
                running.pop(progress.step, None)
            bar.update(task, completed=progress.done, description="\n".join(running.values()) or line)
            if progress.state == "done":
                _line(bar, "[green]done[/]    ", progress)
            elif progress.state == "skipped":
                _line(bar, "[dim]finished[/]", progress)
            elif progress.state == "failed":
                _line(bar, "[red]failed[/]  ", progress)

        yield show


def _line(bar: Progress, word: str, progress: StudyProgress) -> None:
    bar.console.print(f"  {word} {progress.step:<24} {progress.message}", highlight=False, soft_wrap=True)
