"""The result of an audit, as values, a table and text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tla.audit.base import WORDS, Verdict, Word, worst
from tla.messages import radius_text
from tla.statistics.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

COLUMNS = ("check", "number", "verdict", "evidence", "advice", "ids")
STYLES: dict[Word, str] = {"OK": "green", "WARN": "yellow", "FAIL": "bold red", "NOT RUN": "dim"}


@dataclass(frozen=True, kw_only=True)
class AuditSummary:
    """What a reader needs to know besides the verdicts: settings and accuracies.

    Args:
        n: Images audited.
        norm: Of the threat.
        eps: Radius in pixel units; the largest, if there is one per image.
        attack: Name and settings of the attack under audit, as text.
        steps: Its gradient steps; None if it has no such setting.
        step_size: Their length in pixel units; None if the attack chooses it.
        restarts: Its restarts; None if it has no such setting.
        seed: All random numbers of the audit derive from it.
        level: "quick", "standard", "long", "chosen" (the caller named the checks), or "stored" (no attack was run).
        seconds: Seconds the audit took.
        queries: Mean forward passes per image of the attack under audit; None if it did not run.
        device: Where it ran.
        versions: Versions of Python and the main packages.
        not_run: Names of the checks without a verdict, including those of deeper levels.
        clean: Clean accuracy with its 95 % interval.
        robust: Accuracy under the attack under audit.
        minimum: Share of images that no attack of the audit broke: the mean over images of the minimum over attacks.
        attacks: The attacks in that minimum.
    """

    n: int
    norm: str
    eps: float
    attack: str
    steps: int | None
    step_size: float | None
    restarts: int | None
    seed: int
    level: str
    seconds: float
    queries: float | None
    device: str
    versions: Mapping[str, str]
    not_run: tuple[str, ...]
    clean: Interval | None = None
    robust: Interval | None = None
    minimum: Interval | None = None
    attacks: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """An audit: one verdict per check, and a summary.

    Args:
        verdicts: In the order of their numbers.
        summary: Settings and accuracies.
    """

    verdicts: tuple[Verdict, ...]
    summary: AuditSummary

    @property
    def overall(self) -> Word:
        """The worst verdict; "NOT RUN" only if no check ran."""
        return worst(verdict.verdict for verdict in self.verdicts)

    def __getitem__(self, check: str) -> Verdict:
        """The verdict of one check, by name.

        Raises:
            KeyError: if the audit did not include it; names those it did.
        """
        found = {verdict.check: verdict for verdict in self.verdicts}
        if check not in found:
            raise KeyError(f"no check {check!r} in this audit; it has: {', '.join(found)}")
        return found[check]

    def frame(self) -> "pd.DataFrame":
        """The rows of the `audit` table (docs/architecture.md), without method and seed."""
        import pandas as pd

        rows = [{**{name: getattr(v, name) for name in COLUMNS}, "ids": list(v.ids)} for v in self.verdicts]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def counts(self) -> dict[Word, int]:
        """How many checks gave each verdict."""
        return {word: sum(verdict.verdict == word for verdict in self.verdicts) for word in WORDS}


def statement(summary: AuditSummary) -> str:
    """What every report states: accuracies with intervals, n, eps, the attack, seed, versions, checks not run."""
    size = "chosen by the attack" if summary.step_size is None else f"{summary.step_size:g}"
    where = f"{summary.n} images, {summary.norm} eps {radius_text(summary.eps)}"
    lines = [f"{where}, level {summary.level}, seed {summary.seed}, {summary.seconds:.1f} s on {summary.device}"]
    if summary.clean is not None:
        lines.append(f"clean accuracy                {summary.clean}")
    if summary.robust is not None:
        lines.append(f"after {summary.attack.split('(')[0].strip():<24}{summary.robust}")
    if summary.minimum is not None:
        lines.append(f"minimum over {len(summary.attacks)} attacks        {summary.minimum}")
        lines.append(f"attacks: {'; '.join(summary.attacks)}")
    lines.append(f"audited: {summary.attack}; steps {summary.steps}, step size {size}, restarts {summary.restarts}")
    lines.append("versions: " + ", ".join(f"{name} {version}" for name, version in summary.versions.items()))
    lines.append(f"not run: {', '.join(summary.not_run) or 'none'}")
    return "\n".join(lines)


def plain(report: AuditReport) -> str:
    """The whole report as text without colours."""
    rows = []
    for verdict in report.verdicts:
        rows.append(f"{verdict.number:>2} {verdict.verdict:<8}{verdict.check:<24}{verdict.evidence}")
        if verdict.advice:
            rows.append(f"{'':<35}-> {verdict.advice}")
        if verdict.ids:
            shown = ", ".join(map(str, verdict.ids[:12])) + (" ..." if len(verdict.ids) > 12 else "")
            rows.append(f"{'':<35}images {shown}")
    return "\n".join([f"audit: {report.overall}", *rows, "", statement(report.summary)])


def rendered(report: AuditReport) -> "RenderableType":
    """The report for a terminal: a table of verdicts in colour, then the statement."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=f"audit: {report.overall}",
        title_style=STYLES[report.overall],
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("#", justify="right")
    for name in ("verdict", "check", "evidence"):
        table.add_column(name, overflow="fold", no_wrap=name != "evidence")
    for verdict in report.verdicts:
        evidence = Text(verdict.evidence)
        if verdict.advice:
            evidence.append(f"\n{verdict.advice}", style="italic")
        if verdict.ids:
            more = " ..." if len(verdict.ids) > 8 else ""
            evidence.append(f"\nimages {', '.join(map(str, verdict.ids[:8]))}{more}", style="dim")
        word = Text(verdict.verdict, style=STYLES[verdict.verdict])
        table.add_row(str(verdict.number), word, verdict.check, evidence)
    return Group(table, Text(), Text(statement(report.summary)))
