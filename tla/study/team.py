"""Several processes train one model; everything else is done by the first of them."""

from collections.abc import Callable

from tla.study import train
from tla.study.bench import Bench, Step, Trained
from tla.training.engine import Engine, open_engine, processes


def open_team() -> Engine | None:
    """The connection between the processes that `torchrun` started; None for a process alone."""
    return None if processes() == 1 else open_engine(precision="fp32")


def train_together(bench: Bench, team: Engine, steps: list[Step], do: Callable[[Step], None]) -> list[Step]:
    """Do every training of a plan with the help of the other processes; what the first process calls.

    Args:
        bench: The work bench.
        team: The connection.
        steps: All steps of the study.
        do: Does one, or skips it where it is finished.

    Returns:
        The other steps.
    """
    for step in steps:
        if step.name.startswith("train/"):
            team.agreed(not bench.store.finished(step.name, step.digest))
            do(step)
    return [step for step in steps if not step.name.startswith("train/")]


def help_training(bench: Bench, team: Engine) -> None:
    """Take part in every training that the first process says is not finished; what the other processes call.

    Args:
        bench: The work bench.
        team: The connection.
    """
    for method, seed in bench.study.models:
        if team.agreed(False):
            train.together(bench, Trained(method, seed))
