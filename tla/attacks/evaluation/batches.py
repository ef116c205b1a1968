"""An evaluation as resumable batches."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tla.attacks.base import Attack
from tla.attacks.evaluation.batch import BatchResult, EvaluationBatch
from tla.attacks.evaluation.cache import Cache, fingerprint, model_fingerprint
from tla.config import digest
from tla.models.network.copying import working_copy
from tla.models.network.mode import evaluating
from tla.precision import Precision, autocast
from tla.seeding import generator
from tla.tensors import from_bytes
from tla.threat import Threat
from tla.types import Model


@dataclass(frozen=True)
class Shard:
    """The batches that one of several processes takes: every world-th, from rank on.

    Args:
        rank: Of this process, 0..world - 1.
        world: Number of processes.

    Raises:
        ValueError: for a rank outside the world.
    """

    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank must lie in 0..world - 1, got rank={self.rank}, world={self.world}")


class Finished(NamedTuple):
    """A result, and whether it was computed now (True) or loaded from the cache (False)."""

    result: BatchResult
    computed: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Batches:
    """The images of an evaluation, batch by batch; arguments and errors as for `evaluate` (batch_size: its batch)."""

    model: Model
    x: Tensor
    y: Tensor
    threat: Threat
    ids: Tensor | None
    batch_size: int
    seed: int
    precision: Precision

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch must be >= 1, got {self.batch_size}")
        if len(self.x) == 0:
            raise ValueError("there is no image to attack: x is empty")
        if self.y.ndim != 1 or self.y.dtype != torch.int64:
            raise ValueError(f"y must be int64 of shape (n,), got {self.y.dtype} of shape {tuple(self.y.shape)}")
        for name, labels in (("y", self.y), ("ids", self.ids)):
            if labels is not None and len(labels) != len(self.x):
                raise ValueError(f"x has {len(self.x)} images, {name} has {len(labels)} entries")
        autocast(self.x.device, self.precision)
        self._check_eps()

    def _check_eps(self) -> None:
        """Refuse a ball that holds every image: 8 where 8/255 is meant."""
        threat, like = self.threat, self.x[:1].float()
        threat.check_count(len(self.x))
        low, high = (torch.full_like(like, edge) for edge in (threat.low, threat.high))
        widest, largest = float(threat.distance(low, high)), float(torch.as_tensor(threat.eps).max())
        if largest > widest * (1 + 1e-6):
            raise ValueError(
                f"eps must be <= {widest:.4g}, the whole box in {threat.norm}, got {largest:g}; "
                f"eps is in units of pixels in [{threat.low:g}, {threat.high:g}]: 8/255 is 0.0314"
            )

    def numbers(self, shard: Shard) -> range:
        """The batches of a shard, by number."""
        return range(-(-len(self.x) // self.batch_size))[shard.rank :: shard.world]

    def rows(self, number: int) -> range:
        """The images of a batch, by position."""
        return range(len(self.x))[number * self.batch_size : (number + 1) * self.batch_size]

    def run(
        self, attacks: Mapping[str, Attack], numbers: Sequence[int], cache: Cache | None, keep_images: Collection[str]
    ) -> Iterator[Finished]:
        """The clean images and every attack, on batch after batch.

        Args:
            attacks: Label and recipe.
            numbers: Of the batches.
            cache: Where results are saved and looked up.
            keep_images: Labels whose results must have the adversarial images.
        """
        model = working_copy(self.model, torch.channels_last)
        weights = model_fingerprint(model) if cache is not None else ""
        with evaluating(model):
            for number in numbers:
                batch = self._batch(model, number)
                yield Finished(batch.clean(), True)
                inputs = [weights, self._inputs(batch, number)] if cache is not None else []
                for label, attack in attacks.items():
                    key = digest([label, attack, *inputs]) if cache is not None else ""
                    result, keep = cache.load(key) if cache is not None else None, label in keep_images
                    if result is not None and not (keep and result.images is None):
                        yield Finished(result, False)
                        continue
                    source = generator(self.seed, "attack", number, device=batch.x.device)
                    result = batch.attack(label, attack, source, self.precision, keep)
                    if cache is not None:
                        cache.save(key, result)
                    yield Finished(result, True)

    def _batch(self, model: Model, number: int) -> EvaluationBatch:
        device = next((weight.device for weight in model.parameters()), self.x.device)
        rows = torch.tensor(self.rows(number), device=self.x.device)
        x, y = from_bytes(self.x[rows].to(device)), self.y[rows.to(self.y.device)].to(device)
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        ids = rows if self.ids is None else self.ids[rows.to(self.ids.device)]
        return EvaluationBatch(model, x, y, ids, self.threat.select(rows))

    def _inputs(self, batch: EvaluationBatch, number: int) -> list[object]:
        """Everything that a result depends on, except model and attack."""
        threat, eps = self.threat, batch.threat.radius(batch.x)
        images = fingerprint(batch.x, batch.y, batch.ids, batch.prediction, eps)
        return [images, threat.norm, threat.low, threat.high, self.seed, number, self.precision]
