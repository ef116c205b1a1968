"""What an audit found, as values, a table, and text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tla.audit.base import WORDS, Verdict, Word, worst
from tla.statistics.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

COLUMNS = ("check", "number", "verdict", "evidence", "advice", "ids")
STYLES: dict[Word, str] = {"OK": "green", "WARN": "yellow", "FAIL": "bold red", "NOT RUN": "dim"}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a reader has to know beside the verdicts.

    Args:
        n: Images audited.
        norm: Of the threat.
        eps: Radius in pixel units: the largest, where there is one per image.
        attack: Name and settings of the attack under audit, as text.
        steps: Its gradient steps; None if it has no such setting.
        step_size: Their length in pixel units; None if the attack decides itself.
        restarts: Its restarts; None if it has no such setting.
        seed: Every random number of the audit derives from it.
        level: "quick", "standard", "long", "chosen" (the caller named the checks), or "stored" (no attack was run).
        seconds: How long the audit took.
        queries: Mean forward passes per image of the attack under audit; None if it did not run.
        device: Where it ran.
        versions: Of Python and the packages that matter.
        not_run: Names of the checks without a verdict, those of deeper levels included.
        clean: Share of clean images that are right, with its 95 % interval.
        robust: Share that the attack under audit left right.
        minimum: Share that no attack of the audit broke: the mean over images of the minimum over attacks.
        attacks: Attacks that entered that minimum.
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
    """An audit: one verdict per check, and the facts.

    Args:
        verdicts: In the order of their numbers.
        facts: What a reader has to know beside them.
    """

    verdicts: tuple[Verdict, ...]
    facts: Facts

    @property
    def overall(self) -> Word:
        """The worst verdict; "NOT RUN" only where no check ran."""
        return worst(verdict.verdict for verdict in self.verdicts)

    def __getitem__(self, check: str) -> Verdict:
        """The verdict of one check, by name.

        Raises:
            KeyError: if the audit did not include it; names those that it did.
        """
        found = {verdict.check: verdict for verdict in self.verdicts}
        if check not in found:
            raise KeyError(f"no check {check!r} in this audit; it has: {', '.join(found)}")
        return found[check]

    def frame(self) -> "pd.DataFrame":
        """The rows of the `audit` table (docs/architecture.md), but method and seed."""
        import pandas as pd

        rows = [{**{name: getattr(v, name) for name in COLUMNS}, "ids": list(v.ids)} for v in self.verdicts]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def counts(self) -> dict[Word, int]:
        """How many checks gave each verdict."""
        return {word: sum(verdict.verdict == word for verdict in self.verdicts) for word in WORDS}


def statement(facts: Facts) -> str:
    """What every report states: accuracies with intervals, n, eps, the attack, seed, versions, checks not run."""
    size = "chosen by the attack" if facts.step_size is None else f"{facts.step_size:g}"
    where = f"{facts.n} images, {facts.norm} eps {facts.eps:g}"
    lines = [f"{where}, level {facts.level}, seed {facts.seed}, {facts.seconds:.1f} s on {facts.device}"]
    if facts.clean is not None:
        lines.append(f"clean accuracy                {facts.clean}")
    if facts.robust is not None:
        lines.append(f"after {facts.attack.split('(')[0].strip():<24}{facts.robust}")
    if facts.minimum is not None:
        lines.append(f"minimum over {len(facts.attacks)} attacks        {facts.minimum}")
        lines.append(f"attacks: {'; '.join(facts.attacks)}")
    lines.append(f"audited: {facts.attack}; steps {facts.steps}, step size {size}, restarts {facts.restarts}")
    lines.append("versions: " + ", ".join(f"{name} {version}" for name, version in facts.versions.items()))
    lines.append(f"not run: {', '.join(facts.not_run) or 'none'}")
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
    return "\n".join([f"audit: {report.overall}", *rows, "", statement(report.facts)])


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
    return Group(table, Text(), Text(statement(report.facts)))
