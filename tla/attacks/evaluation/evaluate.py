"""Many attacks on many images: one row per image and attack."""

import time
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from tla.attacks.base import Attack, check_evaluates
from tla.attacks.evaluation.batch import BatchResult
from tla.attacks.evaluation.batches import Batches, Shard
from tla.attacks.evaluation.cache import Cache
from tla.attacks.evaluation.table import COLUMNS, joined
from tla.attacks.search.step_size import ShortAttackWarning, too_short
from tla.memory import kept
from tla.precision import Precision
from tla.statistics.accuracy import CLEAN
from tla.tensors import as_images, as_labels, dtype_of
from tla.threat import Threat
from tla.types import Model


class EvaluationProgress(NamedTuple):
    """How far an evaluation has got.

    Attributes:
        attack: Label of the attack that has just finished a batch.
        done: (image, attack) pairs finished, including those from the cache.
        total: Number of pairs.
        rate: Pairs per second, not counting those from the cache; 0 before the first.
        result: The batch that was just finished.
        resumed: Whether it came from the cache.
    """

    attack: str
    done: int
    total: int
    rate: float
    result: BatchResult
    resumed: bool = False

    @property
    def share(self) -> float:
        """The finished share, 0..1."""
        return self.done / self.total

    @property
    def text(self) -> str:
        """In words."""
        return f"{self.attack:<10} {self.rate:,.0f} images/s"


class EvaluationInterrupted(KeyboardInterrupt):
    """Ctrl-C during an evaluation.

    Attributes:
        frame: The rows finished so far.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__(f"interrupted; {len(frame)} rows were finished")
        self.frame = frame


class Kept(dict[str, Tensor]):
    """Adversarial images by label, in the order of the evaluated images: `keep=Kept("pgd")`.

    Args:
        *labels: Attacks whose images are kept in memory, on the CPU.
    """

    def __init__(self, *labels: str) -> None:
        super().__init__()
        self.labels = labels


def evaluate(
    model: Model,
    x: Float[Tensor, "n ..."] | UInt8[Tensor, "n ..."],
    y: Int[Tensor, " n"],
    attacks: Mapping[str, Attack],
    threat: Threat,
    *,
    ids: Int[Tensor, " n"] | None = None,
    batch: int = 250,
    seed: int = 0,
    precision: Precision = "auto",
    progress: Callable[[EvaluationProgress], None] | None = None,
    cache: Cache | None = None,
    keep: Kept | None = None,
    shard: Shard | None = None,
) -> pd.DataFrame:
    """Attack every image that the model gets right; the rest count as fooled.

    The rows of a batch depend on that batch alone, so that several processes (`shard`, `joined`) produce the same table
    as one.

    Args:
        model: Maps images to `Outputs`; a copy of it is attacked, on its own device.
        x: Images in the threat's box, or bytes (255 stands for 1); shape (n, ...).
        y: True classes, shape (n,).
        attacks: Label and recipe of each attack.
        threat: Norm, radius and box.
        ids: Name of each image in the table; by default its position.
        batch: Images per forward pass; random numbers depend on it.
        seed: Seed of the attacks' random numbers, the same for every attack.
        precision: "bf16" attacks under bfloat16 autocast; success is decided in float32 in any case. "auto" takes bf16
            where the hardware is faster at it.
        progress: Called after every attack on every batch.
        cache: Where finished batches are saved and looked up, so that an evaluation can resume: `CacheFolder`.
        keep: Filled with the adversarial images of the attacks that it names.
        shard: Which batches this process takes; by default all.

    Returns:
        One row per attack and image, sorted by attack (in the order given) and id, with the columns of the `attacks`
        table (docs/architecture.md) except method and seed. Rows of the attack "clean", with eps 0, are the images
        themselves. `value` is the margin: the best other logit minus that of the true class. `attrs["seconds"]`: wall
        time of each attack.

    Raises:
        ValueError: for an empty batch, images outside the box, labels that the model has no class for, logits that are
            NaN, an attack that leaves the ball, or a label in `keep` that is not among the attacks.
        EvaluationInterrupted: on Ctrl-C; its `frame` has the rows finished so far.

    Warns:
        ShortAttackWarning: for an attack whose steps together are shorter than eps.
    """
    labels = () if keep is None else keep.labels
    _check_labels(attacks, labels)
    for label, attack in attacks.items():
        check_evaluates(label, attack)
        if reason := too_short(attack, threat.eps):
            warnings.warn(f"{label}: {reason}", ShortAttackWarning, stacklevel=2)
    x = as_images("x", x, low=threat.low, high=threat.high, dtype=dtype_of(model), keep=True)
    y, ids = as_labels("y", y), None if ids is None else as_labels("ids", ids)
    batches = Batches(model=model, x=x, y=y, threat=threat, ids=ids, batch_size=batch, seed=seed, precision=precision)
    numbers, tables, images = batches.numbers(shard or Shard()), [], {label: [] for label in labels}
    total = len(attacks) * sum(len(batches.rows(number)) for number in numbers)
    done = computed = 0
    started = time.perf_counter()
    try:
        with torch.inference_mode(False), kept():
            for result, new in batches.run(attacks, numbers, cache, labels):
                tables.append(result.table())
                if result.label in images:
                    images[result.label].append(result.images)
                if result.label != CLEAN and progress is not None:
                    done, computed = done + len(result.frame), computed + new * len(result.frame)
                    rate = computed / (time.perf_counter() - started)
                    progress(EvaluationProgress(result.label, done, total, rate, result, not new))
    except KeyboardInterrupt:
        frame = joined(tables, [CLEAN, *attacks]) if tables else pd.DataFrame(columns=list(COLUMNS))
        raise EvaluationInterrupted(frame) from None
    if keep is not None:
        keep.update({label: torch.cat(batch_images) for label, batch_images in images.items()})
    return joined(tables, [CLEAN, *attacks])


def _check_labels(attacks: Mapping[str, Attack], kept_labels: tuple[str, ...]) -> None:
    if CLEAN in attacks:
        raise ValueError(f"{CLEAN!r} is the label of the images themselves; give the attack another one")
    for label in kept_labels:
        if label not in attacks:
            raise ValueError(f"keep names {label!r}; the attacks are {', '.join(attacks) or 'none'}")
