"""Many attacks on many images: one row per image, attack and eps."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.attacks.base import Attack
from tla.attacks.goals import Untargeted
from tla.attacks.judge import check_inputs, check_outputs, evaluating, judge
from tla.seeding import generator
from tla.threat import Threat
from tla.types import Model

Precision = Literal["auto", "fp32", "bf16"]
COLUMNS = ("attack", "eps", "id", "y", "clean_prediction", "prediction", "success", "distance", "value", "queries")
CLEAN = "clean"


class Progress(NamedTuple):
    """Where an evaluation stands.

    Attributes:
        attack: Label of the attack at work.
        done: (image, attack) pairs finished.
        total: Pairs in all.
        seconds: Since the evaluation began.
    """

    attack: str
    done: int
    total: int
    seconds: float


def evaluate(
    model: Model,
    x: Float[Tensor, "n ..."],
    y: Int[Tensor, " n"],
    attacks: Mapping[str, Attack],
    threat: Threat,
    *,
    ids: Int[Tensor, " n"] | None = None,
    batch: int = 250,
    seed: int = 0,
    precision: Precision = "auto",
    progress: Callable[[Progress], None] | None = None,
) -> pd.DataFrame:
    """Attack every image that the model gets right; the rest count as fooled.

    Args:
        model: Maps images to `Outputs`; left as it was.
        x: Images in the threat's box, shape (n, ...).
        y: True classes, shape (n,).
        attacks: Label and recipe of each attack.
        threat: Norm, radius and box.
        ids: Name of each image in the table; by default its position.
        batch: Images per forward pass; random numbers depend on it.
        seed: Seed of the attacks' random numbers.
        precision: "bf16" attacks under bfloat16 autocast; verdicts are taken in float32. "auto" takes bf16 where the
            processor has it.
        progress: Called after every batch.

    Returns:
        One row per attack and image, with the columns of the `attacks` table (see docs/architecture.md) but method and
        seed; rows with attack "clean" and eps 0 say what the model makes of the images themselves.

    Raises:
        ValueError: for an empty batch, images outside the box, labels without a class, or logits that are NaN.
    """
    if batch < 1:
        raise ValueError(f"batch must be >= 1, got {batch}")
    ids = torch.arange(len(x)) if ids is None else ids
    started, parts, total = time.perf_counter(), [], len(x) * len(attacks)
    with evaluating(model):
        for number, start in enumerate(range(0, len(x), batch)):
            rows = slice(start, start + batch)
            block = _Block(model, x[rows], y[rows], ids[rows], threat.select(torch.arange(len(x))[rows]))
            parts.append(block.clean())
            for label, attack in attacks.items():
                with _autocast(x.device, precision):
                    parts.append(block.attack(label, attack, generator(seed, "attack", number, device=x.device)))
                if progress is not None:
                    done = start * len(attacks) + len(block.x) * (1 + list(attacks).index(label))
                    progress(Progress(label, done, total, time.perf_counter() - started))
    order = {label: place for place, label in enumerate([CLEAN, *attacks])}
    frame = pd.concat(parts, ignore_index=True)
    return frame.sort_values("attack", key=lambda column: column.map(order), kind="stable", ignore_index=True)


class _Block:
    """A batch of images, judged when clean."""

    def __init__(self, model: Model, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> None:
        goal = Untargeted(y)
        check_inputs(x, goal, threat)
        outputs = judge(model, x)
        check_outputs(outputs, goal)
        self.model, self.x, self.y, self.ids, self.threat = model, x, y, ids, threat
        self.prediction, self.value = outputs.logits.argmax(1), goal.value(outputs)
        self.right = self.prediction == y

    def clean(self) -> pd.DataFrame:
        zeros = torch.zeros(len(self.x), device=self.x.device)
        ones = torch.ones_like(self.y)
        return self.frame(CLEAN, zeros, self.prediction, ~self.right, zeros, self.value, ones)

    def attack(self, label: str, attack: Attack, source: torch.Generator) -> pd.DataFrame:
        prediction, value = self.prediction.clone(), self.value.clone()
        success, distance = ~self.right, torch.zeros(len(self.x), device=self.x.device)
        queries = torch.zeros_like(self.y)
        rows = self.right.nonzero()[:, 0]
        if len(rows):
            threat, goal = self.threat.select(rows), Untargeted(self.y[rows])
            result = attack(self.model, self.x[rows], goal, threat, generator=source)
            outputs = judge(self.model, result.adversarial)
            prediction[rows], value[rows] = outputs.logits.argmax(1), goal.value(outputs)
            success[rows], distance[rows] = goal.reached(outputs), result.distance
            queries[rows] = result.queries
        eps = self.threat.radius(self.x).reshape(-1).expand(len(self.x))
        return self.frame(label, eps, prediction, success, distance, value, queries)

    def frame(
        self,
        label: str,
        eps: Tensor,
        prediction: Tensor,
        success: Tensor,
        distance: Tensor,
        value: Tensor,
        queries: Tensor,
    ) -> pd.DataFrame:
        columns = (eps, self.ids, self.y, self.prediction, prediction, success, distance, value, queries)
        frame = pd.DataFrame({name: part.cpu().numpy() for name, part in zip(COLUMNS[1:], columns, strict=True)})
        frame.insert(0, COLUMNS[0], label)
        return frame


def has_bf16(device: torch.device) -> bool:
    """True where bfloat16 is faster than float32: GPUs that have it, processors with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    tests = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return device.type == "cpu" and any(test is not None and test() for test in tests)


def _autocast(device: torch.device, precision: Precision) -> contextlib.AbstractContextManager[object]:
    if precision == "bf16" or (precision == "auto" and has_bf16(device)):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
