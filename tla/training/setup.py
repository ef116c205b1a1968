"""From data, method and configuration to a run that can start or resume."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor, nn

from tla.config import to_dict
from tla.data import Images
from tla.models import Backbone, Start, build_model
from tla.seeding import generator
from tla.store import DamagedFileError
from tla.training.bank import Bank
from tla.training.batches import Pool
from tla.training.checkpoint import load_state
from tla.training.checks import check_model, check_run, check_test
from tla.training.config import TrainConfig
from tla.training.engine import Engine
from tla.training.methods import Method
from tla.training.run import TrainingRun

Foreign = Literal["refuse", "replace"]


class Prepared(NamedTuple):
    """A run, and the images it is validated on."""

    run: TrainingRun
    held_out: Pool


def prepare(
    model: Backbone | Start | nn.Module,
    images: Images,
    method: Method,
    config: TrainConfig,
    seed: int,
    folder: Path,
    engine: Engine,
    foreign: Foreign = "refuse",
    test: Images | None = None,
) -> Prepared:
    """Check the arguments, build the run, and restore its checkpoint if there is one; see `tla.training.train`."""
    held_out, rows = split(len(images), config.holdout)
    check_test(images, test, config)
    check_run(images, rows, method, config, engine.world)
    module = _built(model, images, seed)
    check_model(module.cpu(), images)
    form = torch.channels_last if config.channels_last else torch.contiguous_format
    module = module.to(device=engine.device, memory_format=form)  # pyright: ignore[reportCallIssue]
    pools = {"device": engine.device, "channels_last": config.channels_last}
    pool = Pool(images.subset(rows), pad=config.pad, flip=config.flip, **pools)
    identifier = identity(module, images, method, config, seed)
    if isinstance(model, Start):
        identifier["start"] = model.fingerprint
    if test is not None:
        identifier["test"] = pixel_digest(test)
    ids = images.ids[rows].cpu()
    run = TrainingRun(engine, module, pool, method, config, seed, folder / "train.pt", identifier, ids)
    if method.requirements().bank:
        with torch.no_grad():
            outputs = module(pool.view(torch.zeros(1, dtype=torch.int64, device=engine.device), run.context.mining))
        run.context.bank = Bank(method.requirements().bank, outputs.embedding.shape[1], engine.device)
    _resume(run, foreign)
    validated = images.subset(held_out) if test is None else test
    return Prepared(run, Pool(validated, pad=0, flip=False, **pools))


def _built(model: Backbone | Start | nn.Module, images: Images, seed: int) -> nn.Module:
    if isinstance(model, Backbone):
        return build_model(model, images.shape, len(images.classes), seed)
    return model.fresh() if isinstance(model, Start) else model


class Split(NamedTuple):
    """Sorted positions of the images held out, and of those trained on."""

    held_out: Int[Tensor, " h"]
    kept: Int[Tensor, " k"]


def split(count: int, holdout: int) -> Split:
    """Which training images are held out: the same for every method and seed, so that their scores compare."""
    order = torch.randperm(count, generator=generator(0, "holdout"))
    return Split(order[:holdout].sort().values, order[holdout:].sort().values)


def identity(module: nn.Module, images: Images, method: Method, config: TrainConfig, seed: int) -> dict[str, Any]:
    """What must match to resume from a checkpoint, as plain values."""
    shapes = [f"{name} {tuple(value.shape)}" for name, value in module.state_dict().items()]
    return {
        "data": {"name": images.name, "count": len(images), "digest": pixel_digest(images)},
        "model": hashlib.sha256("\n".join(shapes).encode()).hexdigest()[:16],
        "method": to_dict(method),
        "config": to_dict(config),
        "seed": seed,
    }


def pixel_digest(images: Images) -> str:
    """Fingerprint of the labels and of about a thousand images."""
    digest = hashlib.sha256(images.labels.numpy(force=True).tobytes())
    digest.update(images.pixels[:: max(1, len(images) // 1000)].numpy(force=True).tobytes())
    return digest.hexdigest()[:16]


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """What differs between two nested plain values: "config.epochs was 4, is 8"."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = sorted(set(old) | set(new))
        return [line for key in keys for line in differences(old.get(key), new.get(key), f"{where}.{key}".strip("."))]
    return [] if old == new else [f"{where} was {old}, is {new}"]


def _resume(run: TrainingRun, foreign: Foreign) -> None:
    """Restore train.pt, if it exists and belongs to this run."""
    for name in (run.path.name, "log.jsonl", "model.safetensors") if run.engine.rank == 0 else ():
        for stale in run.path.parent.glob(f".{name}.*"):
            stale.unlink(missing_ok=True)
    if not run.path.exists():
        return
    state = load_state(run.path)
    changed = differences(state.get("identity"), run.identity)
    if changed and foreign == "replace":
        return
    if changed:
        raise ValueError(
            f"{run.path}: belongs to another run ({'; '.join(changed[:3])}); "
            "choose another folder, or delete it to start over"
        )
    try:
        run.restore(state)
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise DamagedFileError(f"{run.path}: cannot be resumed ({error}); delete it to start over") from None
