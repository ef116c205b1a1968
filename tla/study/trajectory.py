"""Trajectories of single images under attack: where the embedding is at each step."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tla.attacks import Recorder, Trajectory, Untargeted
from tla.projection import barycentre
from tla.representation import class_centroids
from tla.representation.centroids import own_centroids
from tla.retrieval import GalleryIndex, neighbour_path
from tla.seeding import generator
from tla.study.adaptive import without_early_stop
from tla.study.outputs import ModelOutputs
from tla.study.step_table import AttackedImages, step_table
from tla.study.workspace import TrainedModel, Workspace
from tla.types import Step

PATH_COLUMNS = (
    "attack", "eps", "id", "restart", "y", "step", "rank", "neighbour", "neighbour_y", "distance", "entered",
)  # fmt: skip

TRAJECTORIES = 24
"""How many trajectories by default, fewer of large images."""

FILM_LENGTH = 12
"""Pictures per film, spread evenly over the steps."""


class TrajectoryFrames(NamedTuple):
    """Recorded trajectories, as stored in the study folder.

    Attributes:
        trajectory: The table of that name.
        path: The table of the nearest neighbours along the trajectories.
        film: Arrays for `Pictures.film`: id (n,), step (s,), and pixels (n, s, c, h, w) as uint8, for display only.
    """

    trajectory: pd.DataFrame
    path: pd.DataFrame
    film: dict[str, np.ndarray]


def trajectory_frames(
    workspace: Workspace, trained: TrainedModel, outputs: ModelOutputs, maps: pd.DataFrame, index: GalleryIndex
) -> TrajectoryFrames:
    """Attack the first correctly classified images of the study again and record every step.

    Args:
        workspace: Of the run.
        trained: Which model.
        outputs: Its outputs.
        maps: Its maps; steps are placed between their neighbours on the study's main map.
        index: The gallery of its natural embeddings.
    """
    plan = workspace.study.attack
    rows = _balanced_choice(workspace, outputs)
    x = workspace.queries.floats(rows).to(workspace.device, memory_format=torch.channels_last)
    y = outputs.y[rows].to(workspace.device)
    recorder, logits = Recorder(embedding=torch.float32, images=True), []

    def record(step: Step) -> None:
        recorder(step)
        logits.append(step.outputs.logits.float().cpu())

    source = generator(workspace.seed(trained, "trajectory"), device=workspace.device)
    attack = without_early_stop(plan.suite[plan.main])  # also the steps after the flip
    attack(workspace.model(trained), x, Untargeted(y), plan.threat, generator=source, on_step=record)
    recorded = recorder.trajectory()
    return TrajectoryFrames(
        _frame(workspace, outputs, rows, recorded, torch.cat(logits), maps),
        _path(workspace, outputs, rows, recorded, index),
        _film(recorded, outputs.ids[rows]),
    )


def _film(recorded: Trajectory, ids: Tensor) -> dict[str, np.ndarray]:
    """Pictures of the first restart, at the same steps for every image."""
    if recorded.images is None:
        raise RuntimeError("the recorder kept no images")
    first = recorded.restart == 0
    last = int(recorded.step[first].max())
    steps = torch.linspace(0, last, min(FILM_LENGTH, last + 1)).round().long()
    position = torch.empty(len(ids), last + 1, dtype=torch.int64)
    position[recorded.row[first].cpu(), recorded.step[first].cpu()] = first.nonzero()[:, 0].cpu()
    images = recorded.images[position[:, steps].to(recorded.images.device)]
    pixels = (images.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return {"id": ids.cpu().numpy(), "step": steps.numpy(), "pixels": pixels.numpy()}


def _balanced_choice(workspace: Workspace, outputs: ModelOutputs) -> Tensor:
    """Correctly classified images, equally many of each class, in the order of their ids."""
    asked = workspace.study.analysis.trajectories
    count = min(workspace.few(TRAJECTORIES, 0.5) if asked is None else asked, len(outputs.y))
    correct = (outputs.clean.logits.argmax(1) == outputs.y).nonzero()[:, 0]
    rank_in_class = torch.zeros(len(correct), dtype=torch.int64)
    for label in outputs.y.unique():
        members = (outputs.y[correct] == label).nonzero()[:, 0]
        rank_in_class[members] = torch.arange(len(members))
    order = (rank_in_class * len(outputs.y) + torch.arange(len(correct))).argsort()
    return correct[order[:count]].sort().values


def _frame(
    workspace: Workspace, outputs: ModelOutputs, rows: Tensor, recorded: Trajectory, logits: Tensor, maps: pd.DataFrame
) -> pd.DataFrame:
    if recorded.embedding is None:
        raise RuntimeError("the recorder kept no embeddings")
    plan, y, wrong = workspace.study.attack, outputs.y[rows], _false_class(outputs, rows)
    known, classes = outputs.gallery.embedding, logits.shape[1]
    left_out = () if outputs.without is None else (outputs.without[rows],)
    own = own_centroids(known, outputs.gallery_y, y, classes, *left_out)
    false = class_centroids(known, outputs.gallery_y, classes)[wrong]
    images = AttackedImages(outputs.ids[rows], y, wrong, own, false)
    places = _placed(outputs, recorded.embedding.cpu(), maps)
    return step_table(recorded, logits, images, places, attack=plan.main, eps=plan.eps)


def _path(
    workspace: Workspace, outputs: ModelOutputs, rows: Tensor, recorded: Trajectory, index: GalleryIndex
) -> pd.DataFrame:
    """The nearest neighbours of each image at each step, and which of them are new since the step before."""
    plan, k, frames = workspace.study.attack, workspace.study.analysis.neighbours, []
    row, restart, step = recorded.row.cpu(), recorded.restart.cpu(), recorded.step.cpu()
    embedding = torch.empty(0) if recorded.embedding is None else recorded.embedding.cpu()
    for image, start in torch.stack([row, restart], 1).unique(dim=0).tolist():
        steps = ((row == image) & (restart == start)).nonzero()[:, 0]
        steps = steps[step[steps].argsort()]
        y, name = int(outputs.y[rows][image]), int(outputs.ids[rows][image])
        itself = name if outputs.shared else None
        frame = neighbour_path(index, embedding[steps], step[steps], y, k, without=itself).drop(columns="own")
        keys = {"attack": plan.main, "eps": plan.eps, "id": name, "restart": start, "y": y}
        for place, (column, value) in enumerate(keys.items()):
            frame.insert(place, column, value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(PATH_COLUMNS))


def _false_class(outputs: ModelOutputs, rows: Tensor) -> Tensor:
    """The most likely wrong class of each attacked image."""
    logits = outputs.main.logits[rows].clone()
    return logits.scatter_(1, outputs.y[rows][:, None], -torch.inf).argmax(1)


def _placed(outputs: ModelOutputs, embedding: Tensor, maps: Any) -> Tensor:
    drawn = maps[maps.projection == maps.projection.iloc[0]]
    both = {"clean": outputs.clean.embedding, "adversarial": outputs.main.embedding}
    known = torch.cat([both[kind][: int((drawn.kind == kind).sum())] for kind in both])
    coordinates = torch.from_numpy(drawn[["u", "v"]].to_numpy(dtype=np.float32, copy=True))
    return barycentre(embedding, known, coordinates)
