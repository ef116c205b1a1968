"""A study's progress in the terminal: one bar for the study, one line per running or finished step."""

import os

from rich.console import Console

from tla.progress import ProgressBar
from tla.study.progress import StudyProgress

WORDS = {"done": "[green]done[/]    ", "skipped": "[dim]finished[/]", "failed": "[red]failed[/]  "}


def is_first_process() -> bool:
    """True in the process that prints: the first of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


class StudyBar(ProgressBar):
    """A bar with a line for each step that is running, under the lines of those that are finished."""

    def __init__(self, console: Console) -> None:
        super().__init__("", console=console)
        self._running: dict[str, str] = {}

    def __call__(self, now: StudyProgress) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Show how far a study has got."""
        line = now.text[:72]
        if now.state == "running":
            self._running[now.step] = line
        else:
            self._running.pop(now.step, None)
        self.show(now.share, "\n".join(self._running.values()) or line, counts=not now.resumed)
        if now.state in WORDS:
            self.print(f"  {WORDS[now.state]} {now.text}")
