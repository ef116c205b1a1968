"""The way of single images through the attack: where the embedding goes, step by step."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tla.attacks import Recorder, Trajectory, Untargeted
from tla.distances import distance
from tla.projection import barycentre
from tla.representation import class_centroids
from tla.retrieval import GalleryIndex, neighbour_path
from tla.seeding import generator
from tla.study.adaptive import patient
from tla.study.outputs import Embedded
from tla.study.workspace import Trained, Workspace
from tla.types import Step

PATH = ("attack", "eps", "id", "restart", "y", "step", "rank", "neighbour", "neighbour_y", "distance", "entered")


SHOTS = 12
"""Pictures of a film, spread over the steps."""


class Ways(NamedTuple):
    """What is kept of the ways.

    Attributes:
        trajectory: The table of that name.
        path: The table of the neighbours along the ways.
        film: Arrays for `Pictures.film`: id (n,), step (s,), and pixels (n, s, c, h, w) as uint8, to be looked at.
    """

    trajectory: pd.DataFrame
    path: pd.DataFrame
    film: dict[str, np.ndarray]


def trajectory_frames(
    workspace: Workspace, trained: Trained, seen: Embedded, maps: pd.DataFrame, index: GalleryIndex
) -> Ways:
    """The first images of the study that a model gets right, attacked once more and recorded.

    Args:
        workspace: Of the run.
        trained: Which model.
        seen: Its outputs.
        maps: Its maps; steps are placed on the study's main one, between their neighbours.
        index: The gallery of its natural embeddings.
    """
    plan = workspace.study.attack
    rows = _chosen(workspace, seen)
    x, y = workspace.queries.floats(rows).to(workspace.device), seen.y[rows].to(workspace.device)
    recorder, logits = Recorder(embedding=torch.float32, images=True), []

    def watch(step: Step) -> None:
        recorder(step)
        logits.append(step.outputs.logits.float().cpu())

    source = generator(workspace.seed(trained, "trajectory"), device=workspace.device)
    attack = patient(plan.suite[plan.main])  # the whole way, also after the flip
    attack(workspace.model(trained), x, Untargeted(y), plan.threat, generator=source, on_step=watch)
    way = recorder.trajectory()
    trajectory = _frame(workspace, seen, rows, way, torch.cat(logits).softmax(1), maps)
    return Ways(trajectory, _path(workspace, seen, rows, way, index), _film(way, seen.ids[rows]))


def _film(way: Trajectory, ids: Tensor) -> dict[str, np.ndarray]:
    """Pictures of the first restart, the same steps of every image."""
    if way.images is None:
        raise RuntimeError("the recorder kept no images")
    first = way.restart == 0
    last = int(way.step[first].max())
    shots = torch.linspace(0, last, min(SHOTS, last + 1)).round().long()
    place = torch.empty(len(ids), last + 1, dtype=torch.int64)
    place[way.row[first].cpu(), way.step[first].cpu()] = first.nonzero()[:, 0].cpu()
    pixels = way.images[place[:, shots].to(way.images.device)]
    shown = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return {"id": ids.cpu().numpy(), "step": shots.numpy(), "pixels": shown.numpy()}


def _chosen(workspace: Workspace, seen: Embedded) -> Tensor:
    """Images that the model gets right, an equal number of each class, in the order of their ids."""
    count = min(workspace.study.analysis.trajectories, len(seen.y))
    right = (seen.clean.logits.argmax(1) == seen.y).nonzero()[:, 0]
    turn = torch.zeros(len(right), dtype=torch.int64)
    for label in seen.y.unique():
        mine = (seen.y[right] == label).nonzero()[:, 0]
        turn[mine] = torch.arange(len(mine))
    order = (turn * len(seen.y) + torch.arange(len(right))).argsort()
    return right[order[:count]].sort().values


def _frame(
    workspace: Workspace, seen: Embedded, rows: Tensor, path: Trajectory, probability: Tensor, maps: pd.DataFrame
) -> pd.DataFrame:
    if path.embedding is None:
        raise RuntimeError("the recorder kept no embeddings")
    plan, row, embedding = workspace.study.attack, path.row.cpu(), path.embedding.cpu()
    y = seen.y[rows][row]
    wrong = _false_class(seen, rows)[row]
    centroids = class_centroids(seen.gallery.embedding, seen.gallery_y, probability.shape[1])
    places = _placed(seen, embedding, maps)
    here = torch.arange(len(row))
    return pd.DataFrame({
        "attack": plan.main,
        "eps": plan.eps,
        "id": seen.ids[rows][row].numpy().astype(np.int32),
        "restart": path.restart.cpu().numpy(),
        "step": path.step.cpu().numpy(),
        "y": y.numpy(),
        "false_class": wrong.numpy(),
        "prediction": path.prediction.cpu().numpy(),
        "value": path.value.cpu().float().numpy(),
        "success": path.success.cpu().numpy(),
        "p_true": probability[here, y].numpy(),
        "p_false": probability[here, wrong].numpy(),
        "distance_own": distance(embedding, centroids[y]).numpy(),
        "distance_false": distance(embedding, centroids[wrong]).numpy(),
        "u": places[:, 0].numpy(),
        "v": places[:, 1].numpy(),
    })  # fmt: skip


def _path(workspace: Workspace, seen: Embedded, rows: Tensor, way: Trajectory, index: GalleryIndex) -> pd.DataFrame:
    """The neighbours of each image at each of its steps, and which of them were none at the step before."""
    plan, k, parts = workspace.study.attack, workspace.study.analysis.neighbours, []
    row, restart, step = way.row.cpu(), way.restart.cpu(), way.step.cpu()
    embedding = torch.empty(0) if way.embedding is None else way.embedding.cpu()
    for image, start in torch.stack([row, restart], 1).unique(dim=0).tolist():
        mine = ((row == image) & (restart == start)).nonzero()[:, 0]
        mine = mine[step[mine].argsort()]
        y = int(seen.y[rows][image])
        frame = neighbour_path(index, embedding[mine], step[mine], y, k).drop(columns="own")
        keys = {"attack": plan.main, "eps": plan.eps, "id": int(seen.ids[rows][image]), "restart": start, "y": y}
        for place, (name, value) in enumerate(keys.items()):
            frame.insert(place, name, value)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(PATH))


def _false_class(seen: Embedded, rows: Tensor) -> Tensor:
    """The likeliest wrong class of the attacked image."""
    logits = seen.main.logits[rows].clone()
    return logits.scatter_(1, seen.y[rows][:, None], -torch.inf).argmax(1)


def _placed(seen: Embedded, embedding: Tensor, maps: Any) -> Tensor:
    drawn = maps[maps.projection == maps.projection.iloc[0]]
    both = {"clean": seen.clean.embedding, "adversarial": seen.main.embedding}
    known = torch.cat([both[kind][: int((drawn.kind == kind).sum())] for kind in both])
    coordinates = torch.from_numpy(drawn[["u", "v"]].to_numpy(dtype=np.float32, copy=True))
    return barycentre(embedding, known, coordinates)
