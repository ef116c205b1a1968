"""Summarise a finished audit: its settings and accuracies."""

import dataclasses
import platform
from typing import NamedTuple

import torch
from torch import Tensor

from tla.audit.base import CHECKS, Verdict
from tla.audit.context import Context, overshoot
from tla.audit.report import AuditSummary
from tla.audit.variants import setting
from tla.extras import versions
from tla.statistics.intervals import Interval, wilson

PACKAGES = ("tla", "torch", "numpy", "pyautoattack")


def summarise(context: Context, verdicts: list[Verdict], level: str, seconds: float) -> AuditSummary:
    """The summary of an audit; accuracies are None if the model or the attack could not be used.

    Args:
        context: After all checks.
        verdicts: Of these checks.
        level: As in `AuditSummary`.
        seconds: Seconds the audit took.
    """
    attack, eps = context.attack, context.threat.eps
    ran = {verdict.check for verdict in verdicts if verdict.verdict != "NOT RUN"}
    return AuditSummary(
        n=context.n,
        norm=context.threat.norm,
        eps=float(eps.max() if isinstance(eps, Tensor) else eps),
        attack=describe(context) if context.attacks_run else "none (stored images only)",
        steps=setting(attack, "steps") if context.attacks_run else None,
        step_size=setting(attack, "step_size") if context.attacks_run else None,
        restarts=setting(attack, "restarts") if context.attacks_run else None,
        seed=context.seed,
        level=level,
        seconds=seconds,
        device=str(context.x.device),
        versions={"python": platform.python_version()} | versions(PACKAGES),
        not_run=tuple(name for name in _by_number() if name not in ran),
        **_accuracies(context)._asdict(),
    )


def describe(context: Context) -> str:
    """The attack's name and its settings that are not defaults: "pgd (steps=20, loss='ce')"."""
    attack = context.attack
    settings = [
        f"{item.name}={getattr(attack, item.name)!r}"
        for item in dataclasses.fields(attack)
        if item.default is dataclasses.MISSING or getattr(attack, item.name) != item.default
    ]
    return context.attack_name + (f" ({', '.join(settings)})" if settings else "")


class Accuracies(NamedTuple):
    """Accuracies as in `AuditSummary`; None if the model or the attack could not be used."""

    clean: Interval | None = None
    robust: Interval | None = None
    minimum: Interval | None = None
    attacks: tuple[str, ...] = ()
    queries: float | None = None


def _accuracies(context: Context) -> Accuracies:
    try:
        correct = context.correct
    except Exception:  # the check logits reports what is wrong with the model
        return Accuracies()
    broken, found = {**_stored(context), **context.broken}, Accuracies(clean=_interval(correct))
    if context.attacks_run and context.attack_name in context.broken:
        queries = float(context.run.result.queries.float().mean())
        found = found._replace(robust=_interval(~context.run.broken), queries=queries)
    if not broken:
        return found
    never = ~torch.stack(list(broken.values())).any(0)
    return found._replace(minimum=_interval(never), attacks=tuple(broken))


def _stored(context: Context) -> dict[str, Tensor]:
    """Where the stored images, inside the ball only, break the audited ones, by name."""
    broken = {}
    for item in context.stored:
        x, images, y = (tensor[context.rows] for tensor in (item.x, item.adversarial, item.y))
        inside = overshoot(x, images, context.threat) <= 0
        broken[f"{item.name} (stored)"] = ~context.correct | (inside & (context.predictions(images) != y))
    return broken


def _interval(mask: Tensor) -> Interval:
    return wilson(int(mask.sum()), len(mask))


def _by_number() -> list[str]:
    return sorted(CHECKS.names(), key=lambda name: CHECKS.get(name).number)
