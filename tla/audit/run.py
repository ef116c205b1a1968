"""Run the checks on one evaluation."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tla.attacks import APGD, Attack
from tla.attacks.base import check_evaluates
from tla.attacks.goals import Score
from tla.attacks.search.step_size import at_radius
from tla.audit.base import CHECKS, Check, Level, Verdict, checks_of
from tla.audit.context import Context, Stored
from tla.audit.report import AuditReport
from tla.audit.snapshot import restoring
from tla.audit.summary import summarise
from tla.audit.variants import CannotRunError
from tla.seeding import generator
from tla.tensors import as_images, as_labels, dtype_of, from_bytes
from tla.threat import Threat

STORED_CHECKS = ("ball", "recheck", "fooled_clean")
IMAGES = 200


class AuditProgress(NamedTuple):
    """Progress of an audit.

    Attributes:
        check: The check about to run; empty at the end.
        done: How many checks are done.
        total: How many there are.
        share: Finished share of the work, 0..1, by what each check usually costs.
    """

    check: str
    done: int
    total: int
    share: float

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.check} ({self.done}/{self.total})"


Claims = Mapping[str, Any]
"""By label of an attack: its adversarial images (array or tensor, shape (n, ...)), or a pair of these and the claimed
success (shape (n,))."""


def run_audit(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    attack: Attack | None = None,
    level: Level = "quick",
    checks: Sequence[Check] | None = None,
    stored: Claims | None = None,
    sources: Mapping[str, nn.Module] | None = None,
    detector: Score | None = None,
    seed: int = 0,
    ids: Tensor | None = None,
    n: int | None = IMAGES,
    batch: int = 256,
    progress: Callable[[AuditProgress], None] | None = None,
) -> AuditReport:
    """Is this evaluation believable? One verdict per check; the model is left as it was.

    Args:
        model: Maps images to logits, to a pair (logits, embedding) or to `Outputs`.
        x: Images, floats or bytes (255 stands for 1), shape (m, ...), in the threat's box (a check reports those that
            are not).
        y: True classes, shape (m,), int64.
        threat: Norm, radius and box of the evaluation.
        attack: The attack under audit; by default `default_attack()`.
        level: "quick" costs about one run of the attack, "standard" about a dozen, "long" AutoAttack in addition.
        checks: Run these instead of the level's, with your own settings: `[CHECKS.build("incomplete", late=0.05)]`.
        stored: Adversarial images that the evaluation stored, for all of x: label to array, or to (array,
            success).
        sources: Other models of the same classes, by name, for transfer.
        detector: A fitted detector (`tla.representation.DETECTORS`): `Outputs` to a score, larger = more suspicious.
        seed: All random numbers derive from it.
        ids: Name of each image, shape (m,); by default its position.
        n: How many images to attack, drawn by the seed; None for all. Stored images are all checked.
        batch: Images per forward pass.
        progress: Called before every check and at the end.

    Raises:
        ValueError: for an empty batch, labels that are not whole numbers >= 0, lengths that differ, an unknown level,
            or n or batch < 1; a fault of the model or the pixels becomes a verdict.
    """
    chosen = checks if checks is not None else [check() for check in checks_of(level)]
    x, y = as_images("x", x, dtype=dtype_of(model), keep=True, bounded=False), as_labels("y", y)
    ids = torch.arange(len(x)) if ids is None else as_labels("ids", ids)
    _check_call(x, y, ids, n, batch)
    threat.check_count(len(x))
    rows = _subset(len(x), n, seed).to(x.device)
    if attack is not None:
        check_evaluates("attack", attack)
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(restoring(model))
        for source in (sources or {}).values():
            stack.enter_context(restoring(source))
        context = Context(
            original=model,
            before=before,
            x=_attackable(x[rows].detach(), dtype_of(model)),
            y=y[rows],
            ids=ids[rows.to(ids.device)],
            rows=rows,
            threat=threat.select(rows),
            attack=at_radius(attack or default_attack(), threat.eps),
            stored=_stored(stored or {}, model, x, y, ids, threat),
            sources=sources or {},
            detector=detector,
            seed=seed,
            batch=batch,
        )
        return _report(context, chosen, level if checks is None else "chosen", progress)


def audit_stored(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    stored: Claims,
    *,
    ids: Tensor | None = None,
    batch: int = 256,
    progress: Callable[[AuditProgress], None] | None = None,
) -> AuditReport:
    """Check only the arrays of a finished evaluation (ball, recheck and fooled_clean), without any attack.

    Args:
        model: As for `run_audit`.
        x: Clean images, floats or bytes, shape (m, ...).
        y: True classes, shape (m,), int64.
        threat: What the evaluation allows the attacker.
        stored: Label to array, or to (array, success); each of m rows.
        ids: Name of each image, shape (m,); by default its position.
        batch: Images per forward pass; success is rechecked with another size.
        progress: Called before every check and at the end.

    Raises:
        ValueError: as for `run_audit`, and if nothing is stored.
    """
    if not stored:
        raise ValueError("stored must hold at least one array of adversarial images, got none")
    x, y = as_images("x", x, dtype=dtype_of(model), keep=True, bounded=False), as_labels("y", y)
    ids = torch.arange(len(x)) if ids is None else as_labels("ids", ids)
    _check_call(x, y, ids, None, batch)
    threat.check_count(len(x))
    with restoring(model) as before:
        context = Context(
            original=model,
            before=before,
            x=from_bytes(x.detach(), dtype_of(model)),
            y=y,
            ids=ids,
            rows=torch.arange(len(x), device=x.device),
            threat=threat,
            attack=default_attack(),
            stored=_stored(stored, model, x, y, ids, threat),
            batch=batch,
            attacks_run=False,
        )
        return _report(context, [CHECKS.build(name) for name in STORED_CHECKS], "stored", progress)


def default_attack() -> Attack:
    """The attack under audit by default: APGD on the margin, 20 steps toward each of the 9 likeliest wrong classes.

    On two PGD-trained digits models (287 and 285 images, eps 0.1 and 0.2) it left 207, 90, 219 and 83 images right
    where standard AutoAttack left 207, 90, 218 and 82, for a fortieth of the forward passes.
    """
    return APGD(steps=20, loss="margin", targets=9)


def _report(
    context: Context,
    checks: Sequence[Check],
    level: str,
    progress: Callable[[AuditProgress], None] | None,
) -> AuditReport:
    started = time.perf_counter()
    verdicts = []
    costs = [check.cost for check in checks]
    if context.attacks_run and costs:
        costs[0] += 1  # whichever comes first runs the attack under audit
    for number, check in enumerate(checks):
        name = CHECKS.name_of(check)
        if progress is not None:
            progress(AuditProgress(name, number, len(checks), sum(costs[:number]) / sum(costs)))
        verdicts.append(_answer(name, check, context))
    if progress is not None:
        progress(AuditProgress("", len(checks), len(checks), 1.0))
    seconds = time.perf_counter() - started
    return AuditReport(verdicts=tuple(verdicts), summary=summarise(context, verdicts, level, seconds))


def _answer(name: str, check: Check, context: Context) -> Verdict:
    """A check's verdict; an error in it is reported and does not stop the others."""
    try:
        return check(context)
    except CannotRunError as error:
        return Verdict(check=name, number=check.number, verdict="NOT RUN", evidence=str(error))
    except ModuleNotFoundError as error:
        return Verdict(check=name, number=check.number, verdict="NOT RUN", evidence=str(error), advice="Install it.")
    except Exception as error:  # a user's model or attack may raise anything; the other checks still run
        evidence = f"{type(error).__name__}: {error}"
        advice = "The model or the attack raised this; fix it and run the audit again."
        return Verdict(check=name, number=check.number, verdict="NOT RUN", evidence=evidence, advice=advice)


def _check_call(x: Tensor, y: Tensor, ids: Tensor, n: int | None, batch: int) -> None:
    if y.dtype != torch.int64 or y.shape != (len(x),) or int(y.min()) < 0:
        got = f"{y.dtype} of shape {tuple(y.shape)}"
        raise ValueError(f"y must be class indices >= 0: int64 of shape ({len(x)},), got {got}; use y.long()")
    if ids.shape != (len(x),):
        raise ValueError(f"ids must name each of the {len(x)} images, got shape {tuple(ids.shape)}")
    for name, value in (("n", n), ("batch", batch)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")


def _subset(total: int, n: int | None, seed: int) -> Tensor:
    """Positions of n images drawn without replacement, in order."""
    if n is None or n >= total:
        return torch.arange(total)
    return torch.randperm(total, generator=generator(seed, "audit", "images"))[:n].sort().values


def _attackable(x: Tensor, dtype: torch.dtype | None) -> Tensor:
    """The images as floats, laid out channels last, which convolutions on a CPU take a sixth less time for."""
    x = from_bytes(x, dtype)
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def _stored(claims: Claims, model: nn.Module, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> tuple[Stored, ...]:
    found = []
    for name, claim in claims.items():
        images, success = claim if isinstance(claim, tuple) else (claim, None)
        images = torch.as_tensor(np.asarray(images) if not isinstance(images, Tensor) else images)
        images = images.to(x.device, (dtype_of(model) or torch.float32) if x.dtype == torch.uint8 else x.dtype)
        if images.shape != x.shape:
            raise ValueError(
                f"stored[{name!r}] must have one image per row of x, shape {tuple(x.shape)}, got {tuple(images.shape)}"
            )
        if success is not None:
            success = torch.as_tensor(success).to(x.device).bool()
            if success.shape != y.shape:
                raise ValueError(
                    f"stored[{name!r}]: success must have shape {tuple(y.shape)}, got {tuple(success.shape)}"
                )
        found.append(Stored(name, x.detach(), y, ids, images, threat, success))
    return tuple(found)
