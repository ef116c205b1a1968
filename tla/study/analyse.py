"""Measures one model of the study: shift, map, detection, neighbours, retrieval, trajectories."""

import numpy as np
import pandas as pd
import torch

from tla.config import digest
from tla.nearest import Search
from tla.projection import PROJECTIONS, Points, map_frame
from tla.representation import DETECTORS, Gallery, detection_frame, layer_frame, shift_frame
from tla.retrieval import GalleryIndex, Queries, neighbours_frame, retrieval_frame, save
from tla.study.adaptive import adaptive_frames
from tla.study.attack import key
from tla.study.bench import Bench, Step, Tell, Trained, Written
from tla.study.collect import write_part
from tla.study.embedded import Embedded, embedded
from tla.study.trajectory import trajectory_frame
from tla.types import Outputs


def step(bench: Bench, trained: Trained, attacked: str) -> Step:
    """Embed and measure a model.

    Args:
        bench: The work bench.
        trained: Which model.
        attacked: Fingerprint of its attacks.
    """
    inputs = [attacked, bench.study.analysis]
    return Step(f"analyse/{trained.key}", digest(inputs), 1.5, lambda tell: _run(bench, trained, tell))


def _run(bench: Bench, trained: Trained, tell: Tell) -> Written:
    tell(0.0, "embedding")
    seen = embedded(bench, trained)
    files = [bench.store.write_arrays(f"embeddings/{trained.key}", _arrays(seen))]
    index = GalleryIndex.build(seen.gallery.embedding, seen.gallery_y, seen.gallery_ids)
    saved = save(index, bench.store.path / "index" / f"{trained.key}.faiss")
    files += [str(path.relative_to(bench.store.path)) for path in saved]
    frames: dict[str, pd.DataFrame] = {}
    for share, name, make in (
        (0.1, "shift", _shift),
        (0.2, "detection", _detection),
        (0.4, "neighbours", _neighbours),
        (0.5, "retrieval", _retrieval),
        (0.6, "map", _map),
    ):
        tell(share, name)
        frames[name] = make(bench, trained, seen, index)
    if bench.study.analysis.layers:
        tell(0.8, "layers")
        frames["layers"] = _layers(bench, trained)
    if bench.study.analysis.trajectories:
        tell(0.9, "trajectory")
        frames["trajectory"] = trajectory_frame(bench, trained, seen, frames["map"])
    files += [write_part(bench.store, name, trained, frame) for name, frame in frames.items()]
    return Written(files, _summary(frames))


def _arrays(seen: Embedded) -> dict[str, np.ndarray]:
    return {
        "gallery": seen.gallery.embedding.numpy(),
        "test": seen.clean.embedding.numpy(),
        "adversarial": seen.main.embedding.numpy(),
    }


def _search(index: GalleryIndex) -> Search:
    return lambda queries, k: index.search(queries, k).position


def _shift(bench: Bench, trained: Trained, seen: Embedded, index: GalleryIndex) -> pd.DataFrame:
    plan = bench.study.attack
    gallery = Gallery(seen.gallery.embedding, seen.gallery_y)
    moved = [("noise", plan.eps, seen.noise), *((plan.main, eps, part) for eps, part in seen.adversarial.items())]
    frames = []
    for label, eps, outputs in moved:
        k = min(bench.study.analysis.neighbours, len(index))
        frame = shift_frame(
            seen.clean.embedding, outputs.embedding, outputs.logits, seen.y, gallery, ids=seen.ids, k=k,
            search=_search(index),
        )  # fmt: skip
        frame.insert(0, "attack", label)
        frame.insert(1, "eps", eps)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _detection(bench: Bench, trained: Trained, seen: Embedded, index: GalleryIndex) -> pd.DataFrame:
    gallery = seen.gallery
    scores = {
        name: DETECTORS.build(name).fit(gallery.embedding, gallery.logits, seen.gallery_y, _search(index))
        for name in bench.study.analysis.detectors
    }
    frames = []
    for eps, outputs in seen.adversarial.items():
        frame = detection_frame(scores, seen.clean, outputs, seen.y, ids=seen.ids)
        frame.insert(0, "attack", bench.study.attack.main)
        frame.insert(1, "eps", eps)
        frames.append(frame)
    known = {name: scores[name] for name in bench.study.analysis.adaptive}
    return pd.concat([*frames, *adaptive_frames(bench, trained, seen, known)], ignore_index=True)


def _queries(seen: Embedded) -> list[Queries]:
    pairs = {"clean": seen.clean, "adversarial": seen.main}
    return [Queries(kind, outputs.embedding, outputs.logits.argmax(1)) for kind, outputs in pairs.items()]


def _neighbours(bench: Bench, trained: Trained, seen: Embedded, index: GalleryIndex) -> pd.DataFrame:
    k = bench.study.analysis.neighbours
    frames = [neighbours_frame(index, queries, seen.y, seen.ids, k=k) for queries in _queries(seen)]
    return pd.concat(frames, ignore_index=True)


def _retrieval(bench: Bench, trained: Trained, seen: Embedded, index: GalleryIndex) -> pd.DataFrame:
    frames = [retrieval_frame(index, queries, seen.y, seen.ids) for queries in _queries(seen)]
    return pd.concat(frames, ignore_index=True)


def _map(bench: Bench, trained: Trained, seen: Embedded, index: GalleryIndex) -> pd.DataFrame:
    count = min(bench.study.analysis.map_points, len(seen.y))
    seed = bench.seed(trained, "map") % 2**31
    names = dict.fromkeys([bench.study.analysis.projection, "pca"])
    frames = [
        map_frame(PROJECTIONS.build(name), _points(seen.clean, count), _points(seen.main, count),
                  seen.y[:count], seen.ids[:count], seed=seed)
        for name in names
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _layers(bench: Bench, trained: Trained) -> pd.DataFrame:
    plan = bench.study.attack
    images = torch.from_numpy(bench.store.arrays(f"adversarial/{trained.key}")[key(plan.main, plan.eps)])
    frame = layer_frame(bench.model(trained), bench.queries.floats(), images)
    frame.insert(0, "attack", plan.main)
    frame.insert(1, "eps", plan.eps)
    return frame


def _points(outputs: Outputs, count: int) -> Points:
    return Points(outputs.embedding[:count], outputs.logits[:count].argmax(1))


def _summary(frames: dict[str, pd.DataFrame]) -> str:
    retrieval = frames["retrieval"].groupby("kind").recall_1.mean()
    shift = frames["shift"]
    angle = shift[shift.attack != "noise"].groupby("eps").angle.mean().iloc[0]
    return (
        f"shift {angle:.1f} degrees, recall@1 {retrieval['clean']:.1%} clean, {retrieval['adversarial']:.1%} attacked"
    )
