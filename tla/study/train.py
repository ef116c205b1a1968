"""Trains one model of the study."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tla.config import digest
from tla.study.collect import write_part
from tla.study.variants import read_variant
from tla.study.workspace import StudyStep, Tell, Trained, Workspace, Written

if TYPE_CHECKING:
    from tla.training import TrainingProgress, TrainResult

COST = {"natural": 1.0, "fast": 2.0}
SHOWN = ("clean_accuracy", "robust_accuracy", "best_epoch", "images_per_second")


def step(workspace: Workspace, trained: Trained) -> StudyStep:
    """Train one method with one seed; goes on from its last finished epoch."""
    study = workspace.study
    name, config = trained.method, study.build_train(trained.method)
    inputs = [workspace.training_digest, study.build_model(name), config, study.build_method(name), trained]
    if config.select_on == "test":
        inputs.append(workspace.data_digest)
    weight = 0.3 + 0.25 * config.epochs * COST.get(read_variant(name).method, 6.0) / 6.0
    return StudyStep(f"train/{trained.key}", digest(inputs), weight, lambda tell: _run(workspace, trained, tell))


def _run(workspace: Workspace, trained: Trained, tell: Tell) -> Written:
    config = workspace.study.build_train(trained.method)

    def watch(news: "TrainingProgress") -> None:
        share = (news.epoch + news.step / news.steps * (news.row is None)) / news.epochs
        tell(share, f"epoch {min(news.epoch + 1, news.epochs)}/{news.epochs}, {news.images:,.0f} images/s")

    result = together(workspace, trained, watch)
    part = write_part(workspace.store, "history", trained, result.history.drop(columns=["method", "seed"]))
    shown = {name: result.facts[name] for name in SHOWN}
    where = "TEST" if config.select_on == "test" else "held-out"
    message = where + " accuracy {clean_accuracy:.1%} clean, {robust_accuracy:.1%} attacked, epoch {best_epoch}"
    return Written([workspace.model_file(trained), part], message.format(**shown), dict(result.facts))


def together(
    workspace: Workspace, trained: Trained, watch: Callable[["TrainingProgress"], None] | None = None
) -> "TrainResult":
    """Train one model of the study; with several processes each of them calls this, and the first one writes.

    Args:
        workspace: Of the run.
        trained: Which model.
        watch: Told about progress.
    """
    from tla.config import to_dict
    from tla.training import train

    study = workspace.study
    config = study.build_train(trained.method)
    return train(
        study.build_model(trained.method),
        workspace.splits.train,
        study.build_method(trained.method),
        config,
        seed=trained.seed,
        folder=workspace.store.path / "models" / trained.key,
        progress=watch,
        header={"source": to_dict(study.source), "attack": to_dict(study.attack)},
        foreign="replace",
        test=workspace.queries if config.select_on == "test" else None,
    )
