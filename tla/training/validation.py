"""Accuracy of a network on held-out images, and how far an attack moves their embeddings."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tla.attacks.base import Attack
from tla.attacks.goals import Untargeted
from tla.devices import exact
from tla.distances import distance, pairwise
from tla.models.network.calling import on_copy
from tla.threat import Threat
from tla.training.batches import Pool
from tla.training.engine import Engine
from tla.types import Outputs


class Validation(NamedTuple):
    """Means over the held-out images.

    Attributes:
        clean_accuracy: Share predicted correctly, in [0, 1].
        robust_accuracy: Share predicted correctly both before and under the attack, in [0, 1].
        angle: Angle between h(x) and h(x'), degrees.
        margin: Distance of h(x') to the nearest other centroid minus that to its own (cosine); positive is good.
    """

    clean_accuracy: float = float("nan")
    robust_accuracy: float = float("nan")
    angle: float = float("nan")
    margin: float = float("nan")


def validate(
    engine: Engine,
    module: nn.Module,
    pool: Pool,
    attack: Attack,
    threat: Threat,
    generator: torch.Generator,
    batch: int = 500,
) -> Validation:
    """Validate a network. Predictions are made in float32; each process takes its share of the images.

    Args:
        engine: Device and precision of the attack.
        module: The network; left in evaluation mode.
        pool: The held-out images; without any, all means are NaN.
        attack: The attack.
        threat: Its threat.
        generator: Its random numbers, on the device.
        batch: Images per batch.
    """
    if len(pool) == 0:
        return Validation()
    module.eval()
    rows = torch.arange(engine.rank, len(pool), engine.world, device=pool.labels.device)
    natural, attacked = [], []
    for chunk in rows.split(batch):
        x, y = pool.view(chunk, generator), pool.labels[chunk]
        with engine.autocast():
            found = attack(module, x, Untargeted(y), threat, generator=generator)
        natural.append(_forward_fp32(module, x))
        attacked.append(_forward_fp32(module, found.adversarial))
    y = pool.labels[rows]
    clean, adversarial = _concatenated(natural), _concatenated(attacked)
    correct = clean.logits.argmax(1) == y
    robust = correct & (adversarial.logits.argmax(1) == y)
    angle = torch.rad2deg(torch.arccos((1 - distance(clean.embedding, adversarial.embedding, "cosine")).clamp(-1, 1)))
    margin = centroid_margin(clean.embedding, adversarial.embedding, y)
    sums = torch.stack([correct.sum(), robust.sum(), angle.sum(), margin.sum(), torch.ones_like(y).sum()])
    means = engine.mean(exact(sums))
    return Validation(*(means[:4] / means[4]).tolist())


def centroid_margin(
    clean: Float[Tensor, "n d"], moved: Float[Tensor, "n d"], y: Int[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """D(v, nearest other centroid) - D(v, own centroid) in cosine distance; centroids are of clean embeddings.

    Args:
        clean: h(x), shape (n, d).
        moved: h(x'), shape (n, d).
        y: Classes, shape (n,).
    """
    unit = nn.functional.normalize(clean, dim=1)
    present = torch.unique(y)
    centroids = torch.stack([unit[y == k].mean(0) for k in present])
    distances = pairwise(moved, centroids, "cosine")
    own = y[:, None] == present[None, :]
    others = distances.masked_fill(own, float("inf")).amin(1)
    return torch.where(torch.isinf(others), torch.zeros_like(others), others) - (distances * own).sum(1)


def _forward_fp32(module: nn.Module, x: Tensor) -> Outputs:
    with torch.no_grad():
        outputs = on_copy(module, x)
    return Outputs(outputs.logits.float(), outputs.embedding.float())


def _concatenated(batches: list[Outputs]) -> Outputs:
    return Outputs(torch.cat([b.logits for b in batches]), torch.cat([b.embedding for b in batches]))
