"""Makes a model that the study did not train ready for everything that follows."""

from typing import Any

from tla.config import digest, to_dict
from tla.models.external.fingerprint import fingerprint
from tla.study import costs
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace


def step(workspace: Workspace, model: TrainedModel) -> StudyStep:
    """Load a given model, check that it answers for the study's images, and write down what it is.

    Args:
        workspace: Of the run.
        model: Which model.

    Raises:
        ValueError: if the model is not found or does not fit the data.
    """
    inputs = [workspace.given[model.method], fingerprint(workspace.model(model)), workspace.data_digest]
    return StudyStep(f"given/{model.key}", digest(inputs), costs.FIXED, lambda report: _run(workspace, model, report))


def _run(workspace: Workspace, model: TrainedModel, report: Report) -> StepResult:
    from tla.models import sanity_check

    network, queries = workspace.model(model), workspace.queries
    report(0.1, "clean images")
    sanity = sanity_check(network, queries.pixels, queries.labels, queries.classes, workspace.at_most(100))
    blank = network(queries.floats(slice(1)).to(workspace.device))
    facts: dict[str, Any] = {
        **to_dict(workspace.given[model.method]),
        "clean_accuracy": sanity.clean.right / sanity.clean.n,
        "warnings": list(sanity.warnings),
        "remarks": list(getattr(network, "remarks", ())),
        "classes": blank.logits.shape[1],
        "width": blank.embedding.shape[1],
        "parameters": sum(weight.numel() for weight in network.parameters()),
    }
    file = f"models/{model.key}/given.json"
    workspace.store.write_json(file, facts)
    words = [
        f"{facts['parameters']:,} weights, embedding of {facts['width']:,}, "
        f"{facts['clean_accuracy']:.1%} of {len(queries)} clean images right",
        *facts["remarks"],
        *(f"WARNING: {warning}" for warning in sanity.warnings),
    ]
    return StepResult([file], "; ".join(words), facts)
