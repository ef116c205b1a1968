"""Many attacks on many images: one row per image and attack."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from tla.attacks.base import Attack
from tla.attacks.evaluation.batches import Batches, Shard
from tla.attacks.evaluation.cache import BatchResult, Cache
from tla.attacks.evaluation.table import COLUMNS, joined
from tla.memory import kept
from tla.precision import Precision
from tla.statistics.accuracy import CLEAN
from tla.threat import Threat
from tla.types import Model


class EvaluationProgress(NamedTuple):
    """Where an evaluation stands.

    Attributes:
        attack: Label of the attack that has just finished a batch.
        done: (image, attack) pairs finished, those kept from before included.
        total: Pairs in all.
        rate: Pairs per second of those that were worked on now; 0 before the first.
        part: What was just finished.
    """

    attack: str
    done: int
    total: int
    rate: float
    part: BatchResult


class EvaluationInterrupted(KeyboardInterrupt):
    """Ctrl-C during an evaluation.

    Attributes:
        frame: The rows of everything that was finished.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__(f"interrupted; {len(frame)} rows were finished")
        self.frame = frame


class Kept(dict[str, Tensor]):
    """Adversarial images by label, in the order of the evaluated images: `keep=Kept("pgd")`.

    Args:
        *labels: The attacks whose images are kept in memory, on the CPU.
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

    The rows of a batch depend on nothing but that batch, so that processes which share the batches (`shard`, `joined`)
    make the same table as one.

    Args:
        model: Maps images to `Outputs`; a copy of it is attacked, on its own device.
        x: Images in the threat's box, or bytes of which 255 stands for 1; shape (n, ...).
        y: True classes, shape (n,).
        attacks: Label and recipe of each attack.
        threat: Norm, radius and box.
        ids: Name of each image in the table; by default its position.
        batch: Images per forward pass; random numbers depend on it.
        seed: Seed of the attacks' random numbers, the same for every attack.
        precision: "bf16" attacks under bfloat16 autocast; verdicts are taken in float32 all the same. "auto" takes bf16
            where the hardware has it.
        progress: Called after every attack on every batch.
        cache: Where finished parts are kept and looked for, so that an interrupted evaluation goes on: `CacheFolder`.
        keep: Filled with the adversarial images of the attacks that it names.
        shard: Which batches this process takes; by default all.

    Returns:
        One row per attack and image, sorted by attack (in the order given) and id, with the columns of the `attacks`
        table (docs/architecture.md) but method and seed. Rows of the attack "clean", with eps 0, are the images
        themselves. `value` is the margin: the best other logit minus the own one. `attrs["seconds"]`: what each took.

    Raises:
        ValueError: for an empty batch, images outside the box, labels without a class, logits that are NaN, or a label
            of `keep` that no attack has.
        EvaluationInterrupted: on Ctrl-C; its `frame` has what was finished.
    """
    wanted = () if keep is None else keep.labels
    _check_labels(attacks, wanted)
    work = Batches(model=model, x=x, y=y, threat=threat, ids=ids, batch=batch, seed=seed, precision=precision)
    numbers, done, images = work.numbers(shard or Shard()), [], {label: [] for label in wanted}
    total = len(attacks) * sum(len(work.rows(number)) for number in numbers)
    count = fresh = 0
    started = time.perf_counter()
    try:
        with torch.inference_mode(False), kept():
            for part, new in work.run(attacks, numbers, cache, wanted):
                done.append(part.table())
                if part.label in images:
                    images[part.label].append(part.images)
                if part.label != CLEAN and progress is not None:
                    count, fresh = count + len(part.frame), fresh + new * len(part.frame)
                    rate = fresh / (time.perf_counter() - started)
                    progress(EvaluationProgress(part.label, count, total, rate, part))
    except KeyboardInterrupt:
        rows = joined(done, [CLEAN, *attacks]) if done else pd.DataFrame(columns=list(COLUMNS))
        raise EvaluationInterrupted(rows) from None
    if keep is not None:
        keep.update({label: torch.cat(pieces) for label, pieces in images.items()})
    return joined(done, [CLEAN, *attacks])


def _check_labels(attacks: Mapping[str, Attack], wanted: tuple[str, ...]) -> None:
    if CLEAN in attacks:
        raise ValueError(f"{CLEAN!r} is the label of the images themselves; give the attack another one")
    for label in wanted:
        if label not in attacks:
            raise ValueError(f"keep names {label!r}; the attacks are {', '.join(attacks) or 'none'}")
