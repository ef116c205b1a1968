"""The interface of an audit check, and the verdict it returns."""

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
    """The answer of one check.

    Args:
        check: Its registered name.
        number: Its number in docs/audit.md.
        verdict: "OK", "WARN", "FAIL" or "NOT RUN".
        evidence: One sentence with the numbers, or why it did not run.
        advice: What to do about it; empty if there is nothing to do.
        ids: The images concerned.
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
    """One question about an evaluation; subclasses are registered in `CHECKS`, one per file.

    Attributes:
        number: Its place in the report and in docs/audit.md; unique.
        title: What holds if the verdict is OK, in a few words.
        level: The lowest level of audit that runs it.
        cost: What it usually costs, in runs of the attack under audit; for the time left.
    """

    registry: ClassVar[Registry["Check"]]
    number: ClassVar[int]
    title: ClassVar[str]
    level: ClassVar[Level]
    cost: ClassVar[float] = 0.03

    @abstractmethod
    def __call__(self, context: Context) -> Verdict:
        """Answer the question.

        Raises:
            CannotRunError: if something it needs is missing; the audit turns this into NOT RUN.
        """

    def say(
        self, context: Context, verdict: Word, evidence: str, advice: str = "", rows: Tensor | None = None
    ) -> Verdict:
        """A verdict of this check; advice is dropped if it is OK.

        Args:
            context: Maps rows to ids.
            verdict: "OK", "WARN" or "FAIL".
            evidence: One sentence.
            advice: One sentence.
            rows: The images concerned, as a mask or positions.
        """
        ids = () if rows is None else context.names(rows)
        name = CHECKS.name_of(self)
        advice = "" if verdict == "OK" else advice
        return Verdict(check=name, number=self.number, verdict=verdict, evidence=evidence, advice=advice, ids=ids)


def worst(words: Iterable[Word]) -> Word:
    """The most serious of several verdicts; "NOT RUN" only if there is no other."""
    given = set(words)
    for word in reversed(SEVERITY):
        if word in given:
            return word
    return "NOT RUN"


CHECKS: Registry[Check] = Registry("audit check", "tla.audit.checks")
Check.registry = CHECKS


def checks_of(level: str) -> tuple[type[Check], ...]:
    """All checks of a level and of the levels below it, level by level, by number.

    Raises:
        ValueError: for an unknown level.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {level!r}")
    included = LEVELS[: [*LEVELS].index(level) + 1]
    checks = (CHECKS.get(name) for name in CHECKS.names())
    chosen = (check for check in checks if check.level in included)
    return tuple(sorted(chosen, key=lambda check: (included.index(check.level), check.number)))
