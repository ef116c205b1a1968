"""Writes down the network and weights that every method of a study trains further."""

from typing import Any

from tla.config import to_dict
from tla.study import costs
from tla.study.workspace import Report, StepResult, StudyStep, Workspace


def steps(workspace: Workspace) -> list[StudyStep]:
    """The step that records the start; none for a study that trains from scratch.

    Args:
        workspace: Of the run.
    """
    start = workspace.start
    if start is None:
        return []
    name = next(iter(workspace.study.start))
    return [StudyStep(f"start/{name}", start.fingerprint, costs.FIXED, lambda report: _run(workspace, report))]


def summary(workspace: Workspace) -> dict[str, Any] | None:
    """What a study's start is: for its manifest; None for one that trains from scratch.

    Args:
        workspace: Of the run.
    """
    start = workspace.start
    if start is None:
        return None
    name = next(iter(workspace.study.start))
    return {
        "name": name,
        **to_dict(workspace.study.start[name]),
        "fingerprint": start.fingerprint,
        "compared": name in workspace.given,
        "classes_before": start.classes_before,
        "weights_trained": sum(weight.numel() for weight in start.network.parameters() if weight.requires_grad),
        "remarks": list(start.remarks),
    }


def _run(workspace: Workspace, report: Report) -> StepResult:
    report(0.5, "the start")
    facts = summary(workspace) or {}
    said = [f"every method trains {facts['name']} further, {facts['weights_trained']:,} of its weights"]
    if not facts["compared"]:
        why = "its head is new" if facts["classes_before"] else "before = false"
        said.append(f"it is not compared itself ({why})")
    return StepResult([], "; ".join((*said, *facts["remarks"])), facts)
