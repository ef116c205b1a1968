"""Measures one model of the study: shift, map, detection, neighbours, retrieval, trajectories."""

import numpy as np
import pandas as pd
import torch

from tla.config import digest
from tla.projection import PROJECTIONS, Points, map_frame, trust_frame
from tla.representation import DETECTORS, Gallery, detection_frame, layer_frame, measure, shift_frame
from tla.retrieval import GalleryIndex, Queries, neighbours_frame, retrieval_frame, save
from tla.study.adaptive import adaptive_frames
from tla.study.attack import key
from tla.study.collect import write_part
from tla.study.outputs import Embedded, embedded
from tla.study.trajectory import trajectory_frames
from tla.study.workspace import StudyStep, Tell, Trained, Workspace, Written
from tla.types import Outputs

MEASURED = (
    "shift", "measures", "structure", "detection", "neighbours", "retrieval", "map", "trust", "layers",
    "trajectory", "path", "film",
)  # fmt: skip
"""Tables and pictures of this step; part of its fingerprint, so that a study made before one of them gets it."""

DRAWN = 10_000
"""Images that a map is drawn of; of more, so many are drawn and the others placed between their neighbours."""

SEEDS = (0, 1, 2)
STABLE = 500
"""Of so many points the map is drawn with each of these seeds, to see what of it is chance."""

Frames = dict[str, pd.DataFrame]


def step(workspace: Workspace, trained: Trained, attacked: str) -> StudyStep:
    """Embed and measure a model.

    Args:
        workspace: Of the run.
        trained: Which model.
        attacked: Fingerprint of its attacks.
    """
    inputs = [attacked, workspace.study.analysis, MEASURED]
    return StudyStep(f"analyse/{trained.key}", digest(inputs), 1.5, lambda tell: _run(workspace, trained, tell))


def _run(workspace: Workspace, trained: Trained, tell: Tell) -> Written:
    tell(0.0, "embedding")
    seen = embedded(workspace, trained)
    files = [workspace.store.write_arrays(f"embeddings/{trained.key}", _arrays(seen))]
    index = GalleryIndex.build(seen.gallery.embedding, seen.gallery_y, seen.gallery_ids)
    saved = save(index, workspace.store.path / "index" / f"{trained.key}.faiss")
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
        tell(share, name)
        frames |= make(workspace, trained, seen, index)
    if workspace.study.analysis.trajectories:
        tell(0.9, "trajectory")
        ways = trajectory_frames(workspace, trained, seen, frames["map"], index)
        frames |= {"trajectory": ways.trajectory, "path": ways.path}
        files.append(workspace.store.write_arrays(f"film/{trained.key}", ways.film))
    files += [write_part(workspace.store, name, trained, frame) for name, frame in frames.items()]
    return Written(files, _summary(frames))


def _arrays(seen: Embedded) -> dict[str, np.ndarray]:
    return {
        "gallery": seen.gallery.embedding.numpy(),
        "test": seen.clean.embedding.numpy(),
        "adversarial": seen.main.embedding.numpy(),
    }


def _shift(workspace: Workspace, trained: Trained, seen: Embedded, index: GalleryIndex) -> Frames:
    plan, k = workspace.study.attack, min(workspace.study.analysis.neighbours, len(index))
    gallery = Gallery(seen.gallery.embedding, seen.gallery_y)
    noise = shift_frame(
        seen.clean.embedding, seen.noise.embedding, seen.noise.logits, seen.y, gallery, ids=seen.ids, k=k,
        search=index.positions,
    )  # fmt: skip
    parts: dict[str, list[pd.DataFrame]] = {"shift": [_of(noise, "noise", plan.eps)], "measures": [], "structure": []}
    for eps, outputs in seen.adversarial.items():
        found = measure(seen.clean, outputs, seen.y, gallery, ids=seen.ids, k=k, search=index.positions)
        for name, frame in zip(parts, found, strict=True):
            parts[name].append(_of(frame, plan.main, eps))
    return {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}


def _of(frame: pd.DataFrame, attack: str, eps: float) -> pd.DataFrame:
    """The frame with its attack and radius in front."""
    frame.insert(0, "attack", attack)
    frame.insert(1, "eps", eps)
    return frame


def _detection(workspace: Workspace, trained: Trained, seen: Embedded, index: GalleryIndex) -> Frames:
    gallery, label = seen.gallery, workspace.study.attack.main
    scores = {
        name: DETECTORS.build(name).fit(gallery.embedding, gallery.logits, seen.gallery_y, index.positions)
        for name in workspace.study.analysis.detectors
    }
    plain = [
        _of(detection_frame(scores, seen.clean, outputs, seen.y, ids=seen.ids), label, eps)
        for eps, outputs in seen.adversarial.items()
    ]
    return {"detection": pd.concat([*plain, *adaptive_frames(workspace, trained, seen, index)], ignore_index=True)}


def _queries(seen: Embedded) -> list[Queries]:
    pairs = {"clean": seen.clean, "adversarial": seen.main}
    return [Queries(kind, outputs.embedding, outputs.logits.argmax(1)) for kind, outputs in pairs.items()]


def _neighbours(workspace: Workspace, trained: Trained, seen: Embedded, index: GalleryIndex) -> Frames:
    k = workspace.study.analysis.neighbours
    frames = [neighbours_frame(index, queries, seen.y, seen.ids, k=k) for queries in _queries(seen)]
    return {"neighbours": pd.concat(frames, ignore_index=True)}


def _retrieval(workspace: Workspace, trained: Trained, seen: Embedded, index: GalleryIndex) -> Frames:
    frames = [retrieval_frame(index, queries, seen.y, seen.ids) for queries in _queries(seen)]
    return {"retrieval": pd.concat(frames, ignore_index=True)}


def _maps(workspace: Workspace, trained: Trained, seen: Embedded, index: GalleryIndex) -> Frames:
    """The maps, and how far each can be trusted."""
    plan = workspace.study.analysis
    count, seed = min(plan.map_points, len(seen.y)), workspace.seed(trained, "map") % 2**31
    clean, attacked = _points(seen.clean, count), _points(seen.main, count)
    both = torch.cat([clean.embedding, attacked.embedding])
    sample = DRAWN if count > DRAWN else None
    near = None if sample else GalleryIndex.build(both, torch.zeros(len(both), dtype=torch.long), gpu=False).positions
    maps, trust = [], []
    for name in dict.fromkeys([plan.projection, "pca"]):
        projection = PROJECTIONS.build(name)
        drawn = map_frame(
            projection, clean, attacked, seen.y[:count], seen.ids[:count], seed=seed, sample=sample, search=near
        )
        label, places = str(drawn["projection"].iloc[0]), torch.tensor(drawn[["u", "v"]].to_numpy("float32"))
        maps.append(drawn)
        trust.append(trust_frame(projection, both, places, seeds=SEEDS, sample=STABLE, label=label))
    return {"map": pd.concat(maps, ignore_index=True), "trust": pd.concat(trust, ignore_index=True)}


def _layers(workspace: Workspace, trained: Trained, seen: Embedded, index: GalleryIndex) -> Frames:
    plan = workspace.study.attack
    if not workspace.study.analysis.layers:
        return {}
    images = torch.from_numpy(workspace.store.arrays(f"adversarial/{trained.key}")[key(plan.main, plan.eps)])
    return {
        "layers": _of(layer_frame(workspace.model(trained), workspace.queries.floats(), images), plan.main, plan.eps)
    }


def _points(outputs: Outputs, count: int) -> Points:
    return Points(outputs.embedding[:count], outputs.logits[:count].argmax(1))


def _summary(frames: dict[str, pd.DataFrame]) -> str:
    retrieval = frames["retrieval"].groupby("kind").recall_1.mean()
    shift = frames["shift"]
    angle = shift[shift.attack != "noise"].groupby("eps").angle.mean().iloc[0]
    return (
        f"shift {angle:.1f} degrees, recall@1 {retrieval['clean']:.1%} clean, {retrieval['adversarial']:.1%} attacked"
    )
