"""Detection against an attacker who knows the detector and evades it."""

import dataclasses

import pandas as pd
import torch
from torch import Tensor

from tla.attacks import Attack, EvadeDetector, Untargeted
from tla.attacks.search.loop import with_pursuit
from tla.models.network.copying import working_copy
from tla.precision import autocast
from tla.representation import DETECTORS, Score, detection_frame, embed
from tla.retrieval import GalleryIndex
from tla.seeding import generator
from tla.study.outputs import Embedded
from tla.study.workspace import Trained, Workspace
from tla.threat import Threat
from tla.types import Model, Outputs


def adaptive_frames(workspace: Workspace, trained: Trained, seen: Embedded, index: GalleryIndex) -> list[pd.DataFrame]:
    """The `detection` rows of the adaptive attacker, for each detector that the study names and each radius.

    The detectors are fitted anew where the model lives, so that the attack never leaves the device; neighbours are
    searched by the index.

    Args:
        workspace: Of the run.
        trained: Which model.
        seen: Its outputs.
        index: The gallery of its natural embeddings.
    """
    plan, model, device = (
        workspace.study.attack,
        working_copy(workspace.model(trained), torch.channels_last),
        workspace.device,
    )
    y, frames = seen.y.to(device), []
    clean, gallery = (Outputs(*(part.to(device) for part in outputs)) for outputs in (seen.clean, seen.gallery))
    for name in workspace.study.analysis.adaptive:
        score = DETECTORS.build(name).fit(gallery.embedding, gallery.logits, seen.gallery_y.to(device), index.positions)
        for eps in seen.adversarial:
            source = generator(workspace.seed(trained, "adaptive"), name, f"{eps:g}", device=device)
            outputs = embed(model, _evading(workspace, model, score, Threat(plan.norm, eps), source))
            frame = detection_frame({name: score}, clean, outputs, y, ids=seen.ids, adaptive=True)
            frame.insert(0, "attack", plan.main)
            frame.insert(1, "eps", eps)
            frames.append(frame)
    return frames


def _evading(workspace: Workspace, model: Model, score: Score, threat: Threat, source: torch.Generator) -> Tensor:
    """Images that the main attack makes against a detector, batch by batch, at the precision of the evaluation."""
    plan, queries = workspace.study.attack, workspace.queries
    attack, made = patient(plan.suite[plan.main]), []
    for rows in torch.arange(len(queries)).split(plan.batch):
        part = queries.subset(rows)
        x = part.floats().to(workspace.device, memory_format=torch.channels_last)
        goal = EvadeDetector(Untargeted(part.labels.to(workspace.device), "margin"), score)
        with autocast(workspace.device, plan.precision):
            made.append(attack(model, x, goal, threat, generator=source).adversarial)
    return torch.cat(made)


def patient(attack: Attack) -> Attack:
    """The same attack, once, with nobody leaving before the end."""
    fields = {field.name for field in dataclasses.fields(attack)}
    once = dataclasses.replace(attack, restarts=1) if "restarts" in fields else attack  # pyright: ignore[reportCallIssue]
    return with_pursuit(once, "all_steps")
