"""Makes a model that the study did not train ready for everything that follows."""

import hashlib
import inspect
from typing import TYPE_CHECKING, Any

import torch

from tla.config import digest, to_dict
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace

if TYPE_CHECKING:
    from torch import nn


def step(workspace: Workspace, model: TrainedModel) -> StudyStep:
    """Load a given model, check that it answers for the study's images, and write down what it is.

    Args:
        workspace: Of the run.
        model: Which model.

    Raises:
        ValueError: if the model is not found or does not fit the data.
    """
    inputs = [workspace.study.given[model.method], _fingerprint(workspace.model(model)), workspace.data_digest]
    return StudyStep(f"given/{model.key}", digest(inputs), 0.2, lambda report: _run(workspace, model, report))


def _run(workspace: Workspace, model: TrainedModel, report: Report) -> StepResult:
    from tla.models import sanity_check

    network, queries = workspace.model(model), workspace.queries
    report(0.1, "clean images")
    sanity = sanity_check(network, queries.pixels, queries.labels, queries.classes)
    blank = network(queries.floats(slice(1)).to(workspace.device))
    facts: dict[str, Any] = {
        **to_dict(workspace.study.given[model.method]),
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


def _fingerprint(network: "nn.Module") -> str:
    """Changes with the weights and with the code of the network's classes."""
    found = hashlib.sha256()
    for name, value in network.state_dict().items():
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    for kind in dict.fromkeys(type(layer) for layer in network.modules()):
        if kind.__module__.partition(".")[0] not in ("torch", "torchvision", "tla"):
            found.update(_source(kind).encode())
    return found.hexdigest()


def _source(kind: type) -> str:
    """The text of a class's functions, which says more than its weights; their bytecode where no file is."""
    texts = [kind.__qualname__]
    for function in (found for found in vars(kind).values() if inspect.isfunction(found)):
        try:
            texts.append(inspect.getsource(function))
        except OSError:
            texts.append(function.__code__.co_code.hex())
    return "\n".join(texts)
