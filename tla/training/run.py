"""The state of a training run: what changes with every step, and what a checkpoint holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tla.models.network.copying import duplicate
from tla.seeding import derive
from tla.training.batches import Batch, Pool
from tla.training.checkpoint import save_state
from tla.training.config import TrainConfig
from tla.training.engine import Engine
from tla.training.methods import Method
from tla.training.one_step import is_watched
from tla.training.optimizer import make_optimizer
from tla.training.schedule import learning_rate, radius
from tla.training.step_context import StepContext

TERMS = ("loss", "cross_entropy", "triplet", "active")


class TrainingRun:
    """The state of a training run, on the engine's device.

    Args:
        engine: Device and precision.
        module: The network; its weights change here.
        pool: Images to train on.
        method: Training method.
        config: Configuration.
        seed: The run's seed.
        path: The checkpoint, train.pt.
        identity: What must match to resume; see `tla.training.setup.identity`.
        ids: Ids of the images trained on, on the CPU.
    """

    def __init__(
        self,
        engine: Engine,
        module: nn.Module,
        pool: Pool,
        method: Method,
        config: TrainConfig,
        seed: int,
        path: Path,
        identity: dict[str, Any],
        ids: Int[Tensor, " n"],
    ) -> None:
        self.engine, self.module, self.pool, self.method = engine, module, pool, method
        self.config, self.seed, self.path, self.identity, self.ids = config, seed, path, identity, ids
        self.steps = len(pool) // config.batch
        self.watched = is_watched(method, config)
        self.epoch = 0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self.averaged = duplicate(module).eval().requires_grad_(False) if config.ema else None
        self.optimizer = make_optimizer(module, config)
        handle = cast(nn.Module, torch.compile(module, dynamic=False)) if config.compile else module
        self.context = StepContext(engine, handle, engine.setup(handle), pool, config, seed)

    @property
    def validated(self) -> nn.Module:
        """The network that is validated and saved: that of the averaged weights, if there are any."""
        return self.averaged or self.module

    def step(self, epoch: int, index: int, rows: Int[Tensor, " b"]) -> Float[Tensor, "4"]:
        """One optimiser step; returns loss, cross-entropy, triplet term and active share, on the device."""
        at, total = epoch * self.steps + index, self.config.epochs * self.steps
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, at, total)
        self.context.radius = radius(self.config, at, total)
        batch = Batch(self.pool.view(rows, self.context.augmenting), self.pool.labels[rows], rows)
        terms = self.method(batch, self.context)
        self.optimizer.zero_grad(set_to_none=True)
        self.engine.backward(terms.loss)
        if terms.undo is not None:
            terms.undo()
        if self.config.clip:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip)
        self.optimizer.step()
        self._average(at)
        absent = terms.loss.new_full((), float("nan"))
        values = (terms.loss, terms.cross_entropy, terms.triplet, terms.active)
        return torch.stack([absent if value is None else value.detach().float() for value in values])

    def share(self, order: Int[Tensor, " n"], index: int) -> Int[Tensor, " b"]:
        """This process's share of a step's batch."""
        each = self.config.batch // self.engine.world
        start = index * self.config.batch + self.engine.rank * each
        return order[start : start + each]

    def keep_best(self, clean: float, robust: float) -> None:
        """Keep the validated weights if they are the best so far (always, if nothing is selected).

        Args:
            clean: Accuracy on held-out images.
            robust: The same under attack; not used to select natural training.
        """
        score = [robust, clean] if self.method.requirements().robust else [clean]
        if self.config.select and self.best is not None and score < self.best["score"]:
            return
        weights = {name: value.detach().cpu().clone() for name, value in self.validated.state_dict().items()}
        self.best = {"score": score, "clean": clean, "robust": robust, "epoch": self.epoch, "weights": weights}

    def save(self) -> None:
        """Write the checkpoint, from one process."""
        if self.engine.rank == 0:
            save_state(self.path, self.state())
        self.engine.barrier()

    def state(self) -> dict[str, Any]:
        """The state as tensors and plain values; random numbers are derived from seed and epoch."""
        bank = self.context.bank
        return {
            "identity": self.identity,
            "epoch": self.epoch,
            "module": self.module.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "bank": None if bank is None else bank.state(),
            "best": self.best,
            "history": self.history,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self.module.load_state_dict(state["module"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.context.bank is not None:
            self.context.bank.restore(state["bank"])
        self.epoch, self.best, self.history = state["epoch"], state["best"], state["history"]

    @contextmanager
    def layers_seeded(self, epoch: int) -> Iterator[None]:
        """Seed the global generators for layers that use them (dropout); restored afterwards."""
        devices = [self.engine.device] if self.engine.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):  # noqa: TID251 (layers take no generator)
            torch.manual_seed(derive(self.seed, "layers", epoch, self.engine.rank))  # noqa: TID251
            yield

    def _average(self, at: int) -> None:
        if self.averaged is None:
            return
        decay = min(self.config.ema, (1 + at) / (10 + at))
        now, mean = self.module.state_dict(), self.averaged.state_dict()
        names = [name for name, value in now.items() if value.is_floating_point()]
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage] (one kernel for all weights)
            [mean[name] for name in names], [now[name] for name in names], 1 - decay
        )
