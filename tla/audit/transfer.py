"""Transfer of the attack under audit, as it is, between the given models: the masks that checks share.

`tla.attacks.evaluation.transfer` makes the table of a study, with attacks that run to the end.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from tla.attacks import Untargeted
from tla.audit.context import Context
from tla.audit.subject import AuditedModel, forward
from tla.audit.variants import CannotRunError

THIS = "this model"


def matrix(context: Context) -> Mapping[tuple[str, str], Tensor]:
    """Which images made on one model fool another: (source, target) to a mask of shape (n,).

    Clean errors of the target count as fooled; images outside the ball do not.

    Raises:
        CannotRunError: if the audit was given no other model.
    """
    if not context.sources:
        raise CannotRunError("no other models (sources) were given to transfer from")
    return context.once("transfer matrix", lambda: _matrix(context))


def _matrix(context: Context) -> dict[tuple[str, str], Tensor]:
    models = {THIS: context.model, **{name: AuditedModel(model) for name, model in context.sources.items()}}
    clean = {name: forward(model, context.x, context.batch).logits.argmax(1) for name, model in models.items()}
    found = {}
    for source, model in models.items():
        images = context.run.result.adversarial if source == THIS else _attack(context, model, source)
        inside = context.inside(images)
        for target, other in models.items():
            wrong = forward(other, images, context.batch).logits.argmax(1) != context.y
            found[source, target] = (clean[target] != context.y) | (inside & wrong)
        if source != THIS:
            context.broken[f"transfer from {source}"] = found[source, THIS]
    return found


def _attack(context: Context, model: AuditedModel, name: str) -> Tensor:
    """Adversarial images of another model, shape (n, ...)."""
    batches = []
    for start in range(0, context.n, context.batch):
        rows = torch.arange(start, min(start + context.batch, context.n), device=context.x.device)
        goal, threat = Untargeted(context.y[rows]), context.threat.select(rows)
        source = context.source("attack", start)
        batches.append(context.attack(model, context.x[rows], goal, threat, generator=source).adversarial)
    return torch.cat(batches)
