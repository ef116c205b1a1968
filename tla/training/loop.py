"""The training loop: the only place where weights change."""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from tla.attacks.search.step_size import at_radius
from tla.data import Images
from tla.memory import kept
from tla.models import Backbone, Start
from tla.seeding import generator
from tla.store import replacing
from tla.threat import Threat
from tla.training.batches import Pool
from tla.training.checkpoint import describe, save_model
from tla.training.config import TrainConfig
from tla.training.engine import Engine, device_name, open_engine
from tla.training.methods import METHODS, Method
from tla.training.one_step import collapsed_from
from tla.training.run import TERMS, TrainingRun
from tla.training.setup import Foreign, prepare
from tla.training.validation import Validation, validate

CHECK_EVERY = 50
"""Steps between checks of the loss on a GPU, each of which waits for the device."""


class TrainingProgress(NamedTuple):
    """Progress of a run.

    Attributes:
        epoch: Finished epochs.
        epochs: Number of epochs.
        step: Finished steps of the current epoch.
        steps: Steps per epoch.
        images: Images per second in this epoch so far; on a GPU, of work submitted.
        row: The epoch's row of the history, if one just finished.
        resumed: Whether an earlier run got as far as this.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    images: float
    row: Mapping[str, Any] | None = None
    resumed: bool = False

    @property
    def share(self) -> float:
        """The finished share of the run, 0..1."""
        return (self.epoch + self.step / self.steps * (self.row is None)) / self.epochs

    @property
    def text(self) -> str:
        """In words."""
        rate = "resumed" if self.resumed else f"{self.images:,.0f} images/s"
        return f"epoch {min(self.epoch + 1, self.epochs)}/{self.epochs}, {rate}"


class TrainResult(NamedTuple):
    """The result of training.

    Attributes:
        model: The selected weights, in evaluation mode, float32, on the run's device.
        history: One row per epoch, columns of the table `history`, and angle (degrees) and margin.
        facts: epochs, best_epoch, seconds, images_per_second, device, precision, parameters, accuracies.
        path: The safetensors file.
    """

    model: nn.Module
    history: pd.DataFrame
    facts: dict[str, Any]
    path: Path


class DivergedError(RuntimeError):
    """The loss or the outputs are no longer finite; the message says where, and names the last good checkpoint."""


class CollapsedError(RuntimeError):
    """One-step training no longer resists an attack of several steps; the message says since when, and what is kept."""


def train(
    model: Backbone | Start | nn.Module,
    images: Images,
    method: Method,
    config: TrainConfig,
    *,
    seed: int,
    folder: Path,
    progress: Callable[[TrainingProgress], None] | None = None,
    engine: Engine | None = None,
    header: Mapping[str, Any] | None = None,
    foreign: Foreign = "refuse",
    test: Images | None = None,
) -> TrainResult:
    """Train a network, or resume an interrupted run with the same settings.

    Writes train.pt (to resume), log.jsonl (the history) and, at the end, model.safetensors into `folder`. A
    finished run with the same settings is read, not trained again.

    Args:
        model: Settings of a network, initialised from `seed`; or a network with its weights, to train a copy of it
            (`tla.start_from`); or a network to be trained itself (then `load_model` needs a header that says how to
            build it, see `tla.training.checkpoint.describe`).
        images: Training images. Some are held out, see `TrainConfig.holdout`.
        method: Which images are attacked, and the loss.
        config: Everything else.
        seed: Experiment seed, >= 0: initial weights, order, augmentation, attack, mining.
        folder: Output folder.
        progress: Called about once a second and after every epoch, and first of all by a run that is resumed.
        engine: Device and precision; by default the best of this machine.
        header: Further metadata to store with the weights.
        foreign: What to do with the checkpoint of another run in `folder`: "refuse" it, or "replace" it.
        test: Test images for validation and selection; only if `config.select_on` is "test".

    Raises:
        ValueError: before anything starts, if data, model, method and folder do not fit together.
        DivergedError: if the loss is NaN or infinite.
        CollapsedError: if training on one-step attacks loses its accuracy under `config.judge` on held-out images from
            one epoch to the next (catastrophic overfitting; Wong et al. 2020); it is measured after every epoch then.
        OSError: if the folder cannot be written; existing files are unchanged.
    """
    engine = engine or open_engine(precision=config.precision)
    run, held_out = prepare(model, images, method, config, seed, folder, engine, foreign, test)
    if run.epoch and progress is not None:
        progress(TrainingProgress(run.epoch, config.epochs, 0, run.steps, 0.0, resumed=True))
    with kept():
        for epoch in range(run.epoch, config.epochs):
            with run.layers_seeded(epoch), engine.tuned():
                row = _epoch(run, epoch, held_out, progress)
            if progress is not None:
                progress(
                    TrainingProgress(epoch + 1, config.epochs, run.steps, run.steps, row["images_per_second"], row)
                )
    network = {} if isinstance(model, nn.Module) else describe(model, images.shape, images.classes)
    return _finish(run, folder, {**network, "data": images.name, **(header or {})})


def _epoch(
    run: TrainingRun, epoch: int, held_out: Pool, progress: Callable[[TrainingProgress], None] | None
) -> dict[str, Any]:
    """One pass over the images, validated and recorded."""
    started = reported = time.perf_counter()
    order = run.pool.order(run.seed, epoch)
    run.context.begin(epoch)
    terms = torch.zeros(run.steps, len(TERMS), device=run.engine.device)
    for step in range(run.steps):
        with _as_divergence(run, epoch, step, order):
            terms[step] = run.step(epoch, step, run.share(order, step))
        if run.engine.device.type == "cpu" or step % CHECK_EVERY == CHECK_EVERY - 1 or step == run.steps - 1:
            _stop_if_diverged(run, epoch, order, terms[: step + 1, 0])
        now = time.perf_counter()
        if progress is not None and now - reported > 1:
            reported, rate = now, (step + 1) * run.config.batch / (now - started)
            progress(TrainingProgress(epoch, run.config.epochs, step + 1, run.steps, rate))
    run.engine.synchronize()
    seconds = time.perf_counter() - started
    means = dict(zip(TERMS, run.engine.mean(terms).mean(0).tolist(), strict=True))
    with _as_divergence(run, epoch, run.steps - 1, order):
        validation = _validate(run, epoch, held_out)
    _stop_if_collapsed(run, epoch, validation)
    row = {"method": METHODS.name_of(run.method), "seed": run.seed, "epoch": epoch, **means, **validation._asdict()}
    row |= {"learning_rate": run.optimizer.param_groups[0]["lr"], "seconds": time.perf_counter() - started}
    row |= {"images_per_second": run.steps * run.config.batch / seconds}
    _record(run, epoch, row, validation)
    return row


@contextlib.contextmanager
def _as_divergence(run: TrainingRun, epoch: int, step: int, order: Tensor) -> Iterator[None]:
    """Attacks and validation refuse a network whose logits are NaN; in training that means it diverged."""
    try:
        yield
    except ValueError:
        images = run.pool.view(run.share(order, step), run.context.augmenting)
        if bool(torch.isfinite(run.context.evaluate(images).logits).all()):
            raise
        raise _diverged(run, epoch, step, order, "the network's outputs are no longer finite") from None


def _stop_if_diverged(run: TrainingRun, epoch: int, order: Tensor, losses: Tensor) -> None:
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        step = int(bad[0, 0])
        raise _diverged(run, epoch, step, order, f"the loss is {float(losses[step])}")


def _diverged(run: TrainingRun, epoch: int, step: int, order: Tensor, what: str) -> DivergedError:
    ids = run.ids[run.share(order, step).cpu()].tolist()
    good = f"the last good checkpoint is {run.path} (epoch {run.epoch})" if run.epoch else "there is no checkpoint yet"
    return DivergedError(
        f"{what} in epoch {epoch}, step {step}, batch ids {ids}; {good}; lower learning_rate or set clip"
    )


def _stop_if_collapsed(run: TrainingRun, epoch: int, now: Validation) -> None:
    best = collapsed_from(run.history, now) if run.watched else None
    if best is None:
        return
    kept = f"{run.path} keeps epoch {run.epoch - 1}" if run.path.exists() else "no epoch was saved"
    raise CollapsedError(
        f"one-step training collapsed in epoch {epoch}: on held-out images accuracy under the judge's attack was "
        f"{best['robust_accuracy']:.1%} in epoch {best['epoch']} and is {now.robust_accuracy:.1%}, clean "
        f"{now.clean_accuracy:.1%} (catastrophic overfitting); {kept}. Train with more noise (the setting "
        "noise of n-fgsm), more steps (pgd) or a smaller eps"
    )


def _validate(run: TrainingRun, epoch: int, held_out: Pool) -> Validation:
    last = epoch + 1 == run.config.epochs
    if not last and (epoch + 1) % run.config.judge_every and not run.watched:
        return Validation()
    for buffer in run.validated.buffers():
        if run.engine.world > 1 and buffer.is_floating_point():
            buffer.copy_(run.engine.mean(buffer))
    source = generator(run.seed, "validate", epoch, run.engine.rank, device=run.engine.device)
    judge, threat = at_radius(run.config.judge, run.config.eps), Threat(run.config.norm, run.config.eps)
    return validate(run.engine, run.validated, held_out, judge, threat, source)


def _record(run: TrainingRun, epoch: int, row: dict[str, Any], validation: Validation) -> None:
    """Record an epoch: history, best weights, checkpoint."""
    run.epoch = epoch + 1
    run.history.append(row)
    last = run.epoch == run.config.epochs
    if last or not math.isnan(validation.clean_accuracy):
        run.keep_best(validation.clean_accuracy, validation.robust_accuracy)
    if last or run.epoch % run.config.save_every == 0:
        run.save()
        _write_log(run)


def _write_log(run: TrainingRun) -> None:
    """The history as log.jsonl, from one process; again at the end, should a kill have come between it and train.pt."""
    if run.engine.rank == 0:
        with replacing(run.path.with_name("log.jsonl")) as temporary:
            temporary.write_text("".join(_line(row) for row in run.history), encoding="utf-8")


def _line(row: Mapping[str, Any]) -> str:
    """A row as a line of strict JSON, with null for NaN."""
    plain = {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
    return json.dumps(plain, allow_nan=False) + "\n"


def _finish(run: TrainingRun, folder: Path, header: dict[str, Any]) -> TrainResult:
    """Write and return the selected weights."""
    _write_log(run)
    best = run.best or {}
    run.module.load_state_dict(best["weights"])
    facts = {
        "epochs": run.config.epochs,
        "best_epoch": best["epoch"],
        "clean_accuracy": best["clean"],
        "robust_accuracy": best["robust"],
        "seconds": sum(row["seconds"] for row in run.history),
        "images_per_second": sum(row["images_per_second"] for row in run.history) / len(run.history),
        "parameters": sum(weight.numel() for weight in run.module.parameters()),
        "device": device_name(run.engine.device),
        "processes": run.engine.world,
        "precision": "bf16" if run.engine.bf16 else "fp32",
        "torch": torch.__version__,
    }
    path = folder / "model.safetensors"
    if run.engine.rank == 0:
        about = {"method": run.identity["method"], "config": run.identity["config"], "seed": run.seed, "facts": facts}
        save_model(path, run.module, {**header, **about})
    run.engine.barrier()
    model = run.module.eval()
    return TrainResult(model, pd.DataFrame(run.history), facts, path)
