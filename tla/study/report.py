"""Last step: one HTML page with all results."""

from tla.config import digest
from tla.study import costs
from tla.study.workspace import Report, StepResult, StudyStep, Workspace


def step(workspace: Workspace, tables: str) -> StudyStep:
    """Writes report.html."""
    return StudyStep(
        "report", digest([tables, workspace.study.caption]), costs.DRAWN, lambda report: _run(workspace, report)
    )


def _run(workspace: Workspace, report: Report) -> StepResult:
    from tla.plots.report import write_report

    path = write_report(workspace.store, progress=lambda now: report(now.share, now.text))
    size = path.stat().st_size / 1e6
    return StepResult([path.name], f"report.html, {size:.1f} MB")
