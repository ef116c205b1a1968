"""What a reader has to know beside the verdicts, gathered from a finished audit."""

import dataclasses
import platform
from typing import NamedTuple

import torch
from torch import Tensor

from tla.audit.ball import overshoot
from tla.audit.base import CHECKS, Verdict
from tla.audit.context import Context
from tla.audit.report import Facts
from tla.audit.variants import setting
from tla.extras import versions
from tla.statistics.intervals import Interval, wilson

PACKAGES = ("tla", "torch", "numpy", "pyautoattack")


def gather(context: Context, verdicts: list[Verdict], level: str, seconds: float) -> Facts:
    """The facts of an audit; accuracies are left out where the model or the attack could not be used.

    Args:
        context: After all checks.
        verdicts: What they said.
        level: How deep the audit went.
        seconds: How long it took.
    """
    attack = context.attack
    ran = {verdict.check for verdict in verdicts if verdict.verdict != "NOT RUN"}
    shares = _shares(context)
    return Facts(
        n=context.n,
        norm=context.threat.norm,
        eps=float(torch.as_tensor(context.threat.eps, dtype=torch.float64).max()),
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
        **shares._asdict(),
    )


def describe(context: Context) -> str:
    """The attack's name and the settings that are not its defaults: "pgd (steps=20, loss='ce')"."""
    attack = context.attack
    settings = [
        f"{item.name}={getattr(attack, item.name)!r}"
        for item in dataclasses.fields(attack)
        if item.default is dataclasses.MISSING or getattr(attack, item.name) != item.default
    ]
    return context.attack_name + (f" ({', '.join(settings)})" if settings else "")


class Shares(NamedTuple):
    """Accuracies of an audit; None where the model or the attack could not be used."""

    clean: Interval | None = None
    robust: Interval | None = None
    minimum: Interval | None = None
    attacks: tuple[str, ...] = ()
    queries: float | None = None


def _shares(context: Context) -> Shares:
    try:
        correct = context.correct
    except Exception:  # the check logits has said what is wrong with the model
        return Shares()
    broken, shares = {**_stored(context), **context.broken}, Shares(clean=_interval(correct))
    if context.attacks_run and context.attack_name in context.broken:
        queries = float(context.run.result.queries.float().mean())
        shares = shares._replace(robust=_interval(~context.run.broken), queries=queries)
    if not broken:
        return shares
    never = ~torch.stack(list(broken.values())).any(0)
    return shares._replace(minimum=_interval(never), attacks=tuple(broken))


def _stored(context: Context) -> dict[str, Tensor]:
    """What the stored images break among those audited, inside the ball only."""
    found = {}
    for item in context.stored:
        x, images, y = (part[context.rows] for part in (item.x, item.adversarial, item.y))
        inside = overshoot(x, images, context.threat) <= 0
        found[f"{item.name} (stored)"] = ~context.correct | (inside & (context.predictions(images) != y))
    return found


def _interval(mask: Tensor) -> Interval:
    return wilson(int(mask.sum()), len(mask))


def _by_number() -> list[str]:
    return sorted(CHECKS.names(), key=lambda name: CHECKS.get(name).number)
