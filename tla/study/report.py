"""Last step: one page that shows it all."""

from tla.config import digest
from tla.study.bench import Bench, Step, Tell, Written


def step(bench: Bench, tables: str) -> Step:
    """Writes report.html."""
    return Step("report", digest([tables, bench.study.caption]), 1.0, lambda tell: _run(bench, tell))


def _run(bench: Bench, tell: Tell) -> Written:
    from tla.plots.report import write_report

    tell(0.1, "drawing figures")
    path = write_report(bench.store)
    size = path.stat().st_size / 1e6
    return Written([path.name], f"report.html, {size:.1f} MB")
