"""Several processes train each model together; the first one does everything else."""

from collections.abc import Callable

from tla.study import train
from tla.study.workspace import StudyStep, TrainedModel, Workspace
from tla.training.engine import Engine, open_engine, processes


def open_process_group() -> Engine | None:
    """The connection between the processes that `torchrun` started; None for a single process."""
    return None if processes() == 1 else open_engine(precision="fp32")


def train_in_group(
    workspace: Workspace, group: Engine, steps: list[StudyStep], run: Callable[[StudyStep], None]
) -> list[StudyStep]:
    """Run every training step together with the other processes; called by the first process.

    Args:
        workspace: Of the run.
        group: The connection.
        steps: All steps of the study.
        run: Runs one step, or skips it if it is finished.

    Returns:
        The remaining steps.
    """
    for step in steps:
        if step.name.startswith("train/"):
            group.agreed(not workspace.store.finished(step.name, step.digest))
            run(step)
    return [step for step in steps if not step.name.startswith("train/")]


def join_training(workspace: Workspace, group: Engine) -> None:
    """Take part in every training that the first process reports as unfinished; called by the other processes.

    Args:
        workspace: Of the run.
        group: The connection.
    """
    for method, seed in workspace.study.trained:
        if group.agreed(False):
            train.train_model(workspace, TrainedModel(method, seed))
