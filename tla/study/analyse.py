"""Measures one model of the study: shift, detection, neighbours, retrieval, maps, layers, trajectories."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from tla.config import digest
from tla.projection import PROJECTIONS, Points, map_frame, trust_frame
from tla.representation import (
    DETECTORS,
    Gallery,
    Score,
    detection_frame,
    fit_held_out,
    layer_frame,
    measure,
    shift_frame,
)
from tla.retrieval import GalleryIndex, Queries, neighbours_frame, retrieval_frame, save
from tla.study import costs
from tla.study.adaptive import adaptive_frames
from tla.study.adaptive import count_of as adaptive_count
from tla.study.attack import array_name
from tla.study.collect import write_model_rows
from tla.study.outputs import ModelOutputs, model_outputs
from tla.study.trajectory import trajectory_frames
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace
from tla.types import Outputs

MEASURED = (
    "shift", "measures", "structure", "detection", "neighbours", "retrieval", "map", "trust", "layers",
    "trajectory", "path", "film", "trajectory/margin",
)  # fmt: skip
"""Tables, pictures and later columns of this step; part of its fingerprint, so that an older study gets them."""

MAP_SAMPLE = 10_000
"""The most points that a projection is fitted to; any further ones are placed between their neighbours."""

STABILITY_SEEDS = (0, 1, 2)
STABILITY_SAMPLE = 500
"""How many points are projected once per seed, to see how much of the map is chance."""

LAYER_IMAGES = 1000
"""Images, evenly spaced, on which layers are compared: the memory of a comparison grows with their square."""
LEFT_OUT = "detectors_left_out"

Frames = dict[str, pd.DataFrame]


def step(workspace: Workspace, trained: TrainedModel, attacked: str) -> StudyStep:
    """Embed and measure a model.

    Args:
        workspace: Of the run.
        trained: Which model.
        attacked: Fingerprint of its attacks.
    """
    inputs, cost = [attacked, workspace.study.analysis, MEASURED], costs.analysis(workspace)
    return StudyStep(f"analyse/{trained.key}", digest(inputs), cost, lambda report: _run(workspace, trained, report))


def _run(workspace: Workspace, trained: TrainedModel, report: Report) -> StepResult:
    report(0.0, "embedding")
    outputs = model_outputs(workspace, trained)
    files = [workspace.store.write_arrays(f"embeddings/{trained.key}", _arrays(outputs))]
    index = GalleryIndex.build(outputs.gallery.embedding, outputs.gallery_y, outputs.gallery_ids)
    saved = save(index, workspace.store.place(f"index/{trained.key}.faiss"))
    files += [str(path.relative_to(workspace.store.path)) for path in saved]
    frames: dict[str, pd.DataFrame] = {}
    for share, name, make in (
        (0.1, "shift", _shift),
        (0.2, "detection", _detection),
        (0.4, "neighbours", _neighbours),
        (0.5, "retrieval", _retrieval),
        (0.55, "maps", _maps),
        (0.8, "layers", _layers),
    ):
        report(share, name)
        frames |= make(workspace, trained, outputs, index)
    refused = frames["detection"].attrs.pop(LEFT_OUT)
    if workspace.study.analysis.trajectories != 0:
        report(0.9, "trajectory")
        found = trajectory_frames(workspace, trained, outputs, frames["map"], index)
        frames |= {"trajectory": found.trajectory, "path": found.path}
        files.append(workspace.store.write_arrays(f"film/{trained.key}", found.film))
    files += [write_model_rows(workspace.store, name, trained, frame) for name, frame in frames.items()]
    said = f"; detectors left out: {'; '.join(refused)}" if refused else ""
    few, all_of = adaptive_count(workspace), len(workspace.queries)
    if workspace.study.analysis.adaptive and few < all_of:
        said += f"; adaptive attacks on {few} of {all_of} images (analysis.adaptive_images)"
    return StepResult(files, _summary(frames) + said, {LEFT_OUT: refused} if refused else {})


def _arrays(outputs: ModelOutputs) -> dict[str, np.ndarray]:
    return {
        "gallery": outputs.gallery.embedding.numpy(),
        "test": outputs.clean.embedding.numpy(),
        "adversarial": outputs.main.embedding.numpy(),
    }


def _shift(workspace: Workspace, trained: TrainedModel, outputs: ModelOutputs, index: GalleryIndex) -> Frames:
    plan, k = workspace.study.attack, min(workspace.study.analysis.neighbours, len(index) - outputs.shared)
    gallery = Gallery(outputs.gallery.embedding, outputs.gallery_y, outputs.gallery_ids if outputs.shared else None)
    noise = shift_frame(
        outputs.clean.embedding, outputs.noise.embedding, outputs.noise.logits, outputs.y, gallery,
        ids=outputs.ids, k=k, search=index.positions,
    )  # fmt: skip
    tables: dict[str, list[pd.DataFrame]] = {
        "shift": [_labelled(noise, "noise", plan.eps)], "measures": [], "structure": [],
    }  # fmt: skip
    for eps, attacked in outputs.adversarial.items():
        found = measure(outputs.clean, attacked, outputs.y, gallery, ids=outputs.ids, k=k, search=index.positions)
        for name, frame in zip(tables, found, strict=True):
            tables[name].append(_labelled(frame, plan.main, eps))
    return {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}


def _labelled(frame: pd.DataFrame, attack: str, eps: float) -> pd.DataFrame:
    """The frame with its attack and radius as first columns."""
    frame.insert(0, "attack", attack)
    frame.insert(1, "eps", eps)
    return frame


def _detection(workspace: Workspace, trained: TrainedModel, outputs: ModelOutputs, index: GalleryIndex) -> Frames:
    label = workspace.study.attack.main
    scores, refused = _fitted(workspace, outputs, index)
    plain = [
        _labelled(detection_frame(scores, outputs.clean, attacked, outputs.y, ids=outputs.ids), label, eps)
        for eps, attacked in outputs.adversarial.items()
    ]
    adaptive = adaptive_frames(workspace, trained, outputs, index, tuple(scores))
    found = pd.concat([*plain, *adaptive], ignore_index=True)
    found.attrs[LEFT_OUT] = refused
    return {"detection": found}


class _FittedScores(NamedTuple):
    """The detectors that could be fitted, and why the others could not."""

    scores: dict[str, Score]
    refused: list[str]


def _fitted(workspace: Workspace, outputs: ModelOutputs, index: GalleryIndex) -> _FittedScores:
    """Fit the detectors; some need more images of every class than one's own data have.

    Raises:
        ValueError: if none can be fitted.
    """
    scores, refused = {}, []
    for name in workspace.study.analysis.detectors:
        try:
            scores[name] = fit_held_out(
                DETECTORS.build(name), outputs.gallery, outputs.gallery_y, outputs.without, index.positions
            )
        except ValueError as error:
            refused.append(f"{name} ({error})")
    if refused and not scores:
        raise ValueError(f"analysis.detectors: none can be fitted to the gallery: {'; '.join(refused)}")
    return _FittedScores(scores, refused)


def _queries(outputs: ModelOutputs) -> list[Queries]:
    pairs = {"clean": outputs.clean, "adversarial": outputs.main}
    return [Queries(kind, images.embedding, images.logits.argmax(1)) for kind, images in pairs.items()]


def _neighbours(workspace: Workspace, trained: TrainedModel, outputs: ModelOutputs, index: GalleryIndex) -> Frames:
    k = workspace.study.analysis.neighbours
    frames = [
        neighbours_frame(index, queries, outputs.y, outputs.ids, k=k, same_split=outputs.shared)
        for queries in _queries(outputs)
    ]
    return {"neighbours": pd.concat(frames, ignore_index=True)}


def _retrieval(workspace: Workspace, trained: TrainedModel, outputs: ModelOutputs, index: GalleryIndex) -> Frames:
    frames = [
        retrieval_frame(index, queries, outputs.y, outputs.ids, same_split=outputs.shared)
        for queries in _queries(outputs)
    ]
    return {"retrieval": pd.concat(frames, ignore_index=True)}


def _maps(workspace: Workspace, trained: TrainedModel, outputs: ModelOutputs, index: GalleryIndex) -> Frames:
    """The maps, and how trustworthy each is."""
    plan = workspace.study.analysis
    count, seed = min(plan.map_points, len(outputs.y)), workspace.seed(trained, "map") % 2**31
    clean, attacked = _points(outputs.clean, count), _points(outputs.main, count)
    both = torch.cat([clean.embedding, attacked.embedding])
    sample = MAP_SAMPLE if count > MAP_SAMPLE else None
    near = None if sample else GalleryIndex.build(both, torch.zeros(len(both), dtype=torch.long), gpu=False).positions
    maps, trust = [], []
    for name in dict.fromkeys([plan.projection, "pca"]):
        projection = PROJECTIONS.build(name)
        drawn = map_frame(
            projection, clean, attacked, outputs.y[:count], outputs.ids[:count], seed=seed, sample=sample, search=near
        )
        label, places = str(drawn["projection"].iloc[0]), torch.tensor(drawn[["u", "v"]].to_numpy("float32"))
        maps.append(drawn)
        trust.append(trust_frame(projection, both, places, seeds=STABILITY_SEEDS, sample=STABILITY_SAMPLE, label=label))
    return {"map": pd.concat(maps, ignore_index=True), "trust": pd.concat(trust, ignore_index=True)}


def _layers(workspace: Workspace, trained: TrainedModel, outputs: ModelOutputs, index: GalleryIndex) -> Frames:
    plan = workspace.study.attack
    if not workspace.study.analysis.layers:
        return {}
    name = array_name(plan.main, plan.eps)
    clean = workspace.queries.pixels
    some = torch.linspace(0, len(clean) - 1, min(LAYER_IMAGES, len(clean))).round().long()
    images = torch.from_numpy(workspace.store.arrays(f"adversarial/{trained.key}", (name,))[name])[some]
    frame = layer_frame(workspace.model(trained), clean[some], images, batch=workspace.at_most(512))
    return {"layers": _labelled(frame, plan.main, plan.eps)}


def _points(outputs: Outputs, count: int) -> Points:
    return Points(outputs.embedding[:count], outputs.logits[:count].argmax(1))


def _summary(frames: dict[str, pd.DataFrame]) -> str:
    retrieval = frames["retrieval"].groupby("kind").recall_1.mean()
    shift = frames["shift"]
    angle = shift[shift.attack != "noise"].groupby("eps").angle.mean().iloc[0]
    return (
        f"shift {angle:.1f} degrees, recall@1 {retrieval['clean']:.1%} clean, {retrieval['adversarial']:.1%} attacked"
    )
