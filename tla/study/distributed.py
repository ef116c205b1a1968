"""Several processes train one model; everything else is done by the first of them."""

from collections.abc import Callable

from tla.study import train
from tla.study.workspace import StudyStep, Trained, Workspace
from tla.training.engine import Engine, open_engine, processes


def open_team() -> Engine | None:
    """The connection between the processes that `torchrun` started; None for a process alone."""
    return None if processes() == 1 else open_engine(precision="fp32")


def train_together(
    workspace: Workspace, team: Engine, steps: list[StudyStep], do: Callable[[StudyStep], None]
) -> list[StudyStep]:
    """Do every training of a plan with the help of the other processes; what the first process calls.

    Args:
        workspace: Of the run.
        team: The connection.
        steps: All steps of the study.
        do: Does one, or skips it where it is finished.

    Returns:
        The other steps.
    """
    for step in steps:
        if step.name.startswith("train/"):
            team.agreed(not workspace.store.finished(step.name, step.digest))
            do(step)
    return [step for step in steps if not step.name.startswith("train/")]


def help_training(workspace: Workspace, team: Engine) -> None:
    """Take part in every training that the first process says is not finished; what the other processes call.

    Args:
        workspace: Of the run.
        team: The connection.
    """
    for method, seed in workspace.study.models:
        if team.agreed(False):
            train.together(workspace, Trained(method, seed))
