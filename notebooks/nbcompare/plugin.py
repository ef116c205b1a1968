"""The pytest plugin: nbval's cells compare figures, pictures and printed numbers, each with its tolerance."""

from functools import partial
from typing import Any

import pytest
from nbval.plugin import IPyNbCell

from nbcompare.camera import Camera, NoChromeError
from nbcompare.outputs import compare_outputs

NOTES = "notebook"
_studio = pytest.StashKey["Studio"]()


class Studio:
    """Renders figures if there is a Chrome; otherwise the summary says that they were not rendered."""

    def __init__(self) -> None:
        self.camera = Camera()
        self.missing = ""

    def render(self, figure: dict[str, Any]) -> bytes | None:
        """A figure as PNG, or None without Chrome."""
        if self.missing:
            return None
        try:
            return self.camera.png(figure)
        except NoChromeError as error:
            self.missing = f"the pictures of the figures were not compared: {error}"
            return None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run compare as nbval does."""
    group = parser.getgroup("nbcompare", "notebooks with tolerances")
    group.addoption("--no-nbcompare", action="store_true", help="compare outputs of notebooks exactly, as nbval does")


def pytest_configure(config: pytest.Config) -> None:
    """Render all pictures here, with one Chrome."""
    if _studio not in config.stash:
        config.stash[_studio] = Studio()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Make cells compare with tolerances."""
    if isinstance(item, IPyNbCell) and not item.config.getoption("no_nbcompare", default=False):
        item.compare_outputs = partial(compare_cell, item)


def compare_cell(item: IPyNbCell, shown: list[Any], stored: list[Any]) -> bool:
    """True if the outputs agree; replaces nbval's exact comparison.

    Args:
        item: The cell under test.
        shown: The new outputs.
        stored: The outputs in the notebook.
    """
    studio = item.config.stash[_studio]
    found = compare_outputs(stored, shown, sanitize=item.sanitize, render=studio.render)
    item.comparison_traceback = [str(difference) for difference in found if difference.fatal]
    notes = [str(difference) for difference in found if not difference.fatal]
    if studio.missing:
        notes.append(studio.missing)
    item.user_properties += [(NOTES, note) for note in notes]
    return not item.comparison_traceback


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List differences within the tolerances."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    notes = [(report.nodeid, note) for report in reports for name, note in report.user_properties if name == NOTES]
    if not notes:
        return
    terminalreporter.section("pointed out in notebooks")
    everywhere = {note for _, note in notes if note.startswith("the pictures")}
    for line in [f"{cell} {note}" for cell, note in notes if note not in everywhere] + sorted(everywhere):
        terminalreporter.line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop Chrome."""
    studio = config.stash.get(_studio, None)
    if studio is not None:
        studio.camera.close()
