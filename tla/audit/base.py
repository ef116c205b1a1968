"""What a check returns, and what every check is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor

from tla.audit.context import Context
from tla.registry import Registry

Word = Literal["OK", "WARN", "FAIL", "NOT RUN"]
Level = Literal["quick", "standard", "long"]
WORDS: tuple[Word, ...] = ("OK", "WARN", "FAIL", "NOT RUN")
SEVERITY: tuple[Word, ...] = ("NOT RUN", "OK", "WARN", "FAIL")
LEVELS: tuple[Level, ...] = ("quick", "standard", "long")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one check says.

    Args:
        check: Its registered name.
        number: Its number in docs/audit.md.
        verdict: "OK", "WARN", "FAIL" or "NOT RUN".
        evidence: One sentence with the numbers, or why it was not run.
        advice: What to do about it; empty where there is nothing to do.
        ids: The examples concerned.
    """

    check: str
    number: int
    verdict: Word
    evidence: str
    advice: str = ""
    ids: tuple[int, ...] = ()

    @property
    def tripped(self) -> bool:
        """True for WARN and FAIL."""
        return self.verdict in ("WARN", "FAIL")

    def adding(self, remark: str) -> "Verdict":
        """The same verdict with more evidence."""
        return replace(self, evidence=f"{self.evidence}; {remark}")


@dataclass(frozen=True, kw_only=True)
class Check(ABC):
    """One question about an evaluation; subclasses are registered in `CHECKS`, one per file."""

    registry: ClassVar[Registry["Check"]]
    number: ClassVar[int]
    title: ClassVar[str]
    level: ClassVar[Level]

    @abstractmethod
    def __call__(self, context: Context) -> Verdict:
        """Answer the question.

        Raises:
            CannotRunError: if something that it needs is missing; the audit turns it into NOT RUN.
        """

    def say(
        self, context: Context, verdict: Word, evidence: str, advice: str = "", rows: Tensor | None = None
    ) -> Verdict:
        """A verdict of this check; advice is dropped where all is well.

        Args:
            context: Gives the rows their ids.
            verdict: "OK", "WARN" or "FAIL".
            evidence: One sentence.
            advice: One sentence.
            rows: The examples concerned, a mask or positions.
        """
        ids = () if rows is None else context.names(rows)
        name = CHECKS.name_of(self)
        advice = "" if verdict == "OK" else advice
        return Verdict(check=name, number=self.number, verdict=verdict, evidence=evidence, advice=advice, ids=ids)


def worst(words: Iterable[Word]) -> Word:
    """The most serious of several verdicts; "NOT RUN" only where there is nothing else."""
    found = set(words)
    for word in reversed(SEVERITY):
        if word in found:
            return word
    return "NOT RUN"


CHECKS: Registry[Check] = Registry("audit check", "tla.audit.checks")
Check.registry = CHECKS


def checks_of(level: str) -> tuple[type[Check], ...]:
    """All checks of a level and of the levels below it, by number.

    Raises:
        ValueError: for an unknown level.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {level!r}")
    wanted = [name for name in LEVELS if LEVELS.index(name) <= [*LEVELS].index(level)]
    found = (CHECKS.get(name) for name in CHECKS.names())
    return tuple(sorted((check for check in found if check.level in wanted), key=lambda check: check.number))
