"""Trains one model of the study."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tla.config import digest
from tla.study import costs
from tla.study.collect import write_model_rows
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace

if TYPE_CHECKING:
    from tla.training import TrainingProgress, TrainResult

SHOWN = ("clean_accuracy", "robust_accuracy", "best_epoch", "images_per_second")


def step(workspace: Workspace, trained: TrainedModel) -> StudyStep:
    """Train one method with one seed, resuming from its last finished epoch."""
    study = workspace.study
    name, config = trained.method, study.build_train(trained.method)
    network = study.build_model(name) if workspace.start is None else workspace.start.fingerprint
    inputs = [workspace.training_digest, network, config, study.build_method(name), trained]
    if config.select_on == "test":
        inputs.append(workspace.data_digest)
    cost = costs.training(workspace, trained)
    return StudyStep(f"train/{trained.key}", digest(inputs), cost, lambda report: _run(workspace, trained, report))


def _run(workspace: Workspace, trained: TrainedModel, report: Report) -> StepResult:
    config = workspace.study.build_train(trained.method)

    def progress(now: "TrainingProgress") -> None:
        report(now.share, now.text, resumed=now.resumed)

    result = train_model(workspace, trained, progress)
    rows = write_model_rows(workspace.store, "history", trained, result.history.drop(columns=["method", "seed"]))
    shown = {name: result.facts[name] for name in SHOWN}
    split = "TEST" if config.select_on == "test" else "held-out"
    message = split + " accuracy {clean_accuracy:.1%} clean, {robust_accuracy:.1%} attacked, epoch {best_epoch}"
    return StepResult([workspace.model_file(trained), rows], message.format(**shown), dict(result.facts))


def train_model(
    workspace: Workspace, trained: TrainedModel, progress: Callable[["TrainingProgress"], None] | None = None
) -> "TrainResult":
    """Train one model of the study; under `torchrun` every process calls this, and the first one writes.

    Args:
        workspace: Of the run.
        trained: Which model.
        progress: Called with every change of progress.
    """
    from tla.config import to_dict
    from tla.training import train

    study = workspace.study
    config = study.build_train(trained.method)
    return train(
        workspace.start or study.build_model(trained.method),
        workspace.splits.train,
        study.build_method(trained.method),
        config,
        seed=trained.seed,
        folder=workspace.store.place(f"models/{trained.key}"),
        progress=progress,
        header={"source": to_dict(study.source), "attack": to_dict(workspace.asked.attack)},
        foreign="replace",
        test=workspace.queries if config.select_on == "test" else None,
    )
