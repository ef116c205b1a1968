"""Last step: one page that shows it all."""

from tla.config import digest
from tla.study.workspace import StudyStep, Tell, Workspace, Written


def step(workspace: Workspace, tables: str) -> StudyStep:
    """Writes report.html."""
    return StudyStep("report", digest([tables, workspace.study.caption]), 1.0, lambda tell: _run(workspace, tell))


def _run(workspace: Workspace, tell: Tell) -> Written:
    from tla.plots.report import write_report

    tell(0.1, "drawing figures")
    path = write_report(workspace.store)
    size = path.stat().st_size / 1e6
    return Written([path.name], f"report.html, {size:.1f} MB")
