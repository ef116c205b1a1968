"""The main attack again on one image, live, from several random starts: rows of the table `trajectory`."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from board.lab_models import LabModel, lab_model, load, threads_for
from board.live import check_length, stop_if_gone
from board.selection.shared import Frame, of_run
from board.studies import MissingDataError, View
from tla.machine import threads
from tla.widgets.filming import unit
from tla.widgets.scene import MapScene

STARTS = 8


def main_attack_of(view: View) -> dict[str, Any]:
    """Name and parameters of the study's main attack."""
    return dict(view.plan.get("attack", {}).get("suite", {}).get(view.main, {"name": view.main}))


def fan(view: View, method: str, seed: int, sample: int) -> Frame:
    """Every step of the main attack on one image from `STARTS` random starts, which are its restarts; cached.

    Args:
        view: The study.
        method: Whose model.
        seed: Its training seed.
        sample: Id of the image.

    Raises:
        MissingDataError: if the model may not run here.
        ValueError: if the attack has no random start, or would take too long.
    """
    rows = _fan(lab_model(view, method, seed), view, method, seed, sample, str(main_attack_of(view)), view.stamp)
    return rows.assign(method=method, seed=seed)


@st.cache_data(show_spinner="Attacking …", max_entries=256)
def _fan(lab: LabModel, _view: View, method: str, seed: int, sample: int, attack: str, stamp: int) -> Frame:
    import torch

    from tla.attacks import Recorder, Untargeted
    from tla.seeding import generator
    from tla.study.step_table import step_table
    from tla.threat import Threat

    clean = unit(_view.arrays("images")["test"][_view.positions[sample]])
    x, y = torch.from_numpy(clean)[None].repeat(STARTS, 1, 1, 1), torch.full((STARTS,), _view.true_class(sample))
    recorder, logits = Recorder(embedding=torch.float32), []

    def record(step: Any) -> None:
        stop_if_gone()
        recorder(step)
        logits.append(step.outputs.logits.float())

    model, source = load(lab), generator(seed, "fan")
    with threads(threads_for(lab)):
        _random_starts(_view)(model, x, Untargeted(y), Threat(_view.norm, _view.eps), generator=source, on_step=record)
    recorded = recorder.trajectory()
    said = torch.cat(logits)
    false = _likeliest_wrong(said[recorded.step == recorded.step.max()], int(y[0]))
    images = _compared(_view, method, seed, sample, int(y[0]), false, said.shape[1])
    places = _placed(_view, method, seed, recorded.embedding)
    recorded = recorded._replace(restart=recorded.row)
    return step_table(recorded, said, images, places, attack=_view.main, eps=_view.eps)


def _random_starts(view: View) -> Any:
    """The main attack from one random start, running all its steps.

    Raises:
        ValueError: if it has none.
    """
    from tla.attacks import ATTACKS
    from tla.study.adaptive import without_early_stop

    settings = main_attack_of(view)
    attack = without_early_stop(ATTACKS.build(settings.pop("name"), **settings))
    if not hasattr(attack, "random_start"):
        raise ValueError(f"{view.main} has no random start: every run of it takes the same path.")
    check_length(attack)
    return dataclasses.replace(attack, random_start=True)


def _likeliest_wrong(logits: Any, y: int) -> int:
    """The wrong class with the largest mean probability."""
    mean = logits.softmax(1).mean(0)
    mean[y] = -1
    return int(mean.argmax())


def _compared(view: View, method: str, seed: int, sample: int, y: int, false: int, classes: int) -> Any:
    """The image with the centroids of its own and of the false class, once for each start."""
    import torch

    from tla.representation import class_centroids
    from tla.representation.centroids import own_centroids
    from tla.study.step_table import AttackedImages

    arrays = view.arrays(f"embeddings/{method}-seed{seed}")
    known = torch.from_numpy(arrays["gallery"].astype(np.float32))
    labels = torch.from_numpy(view.arrays("images")["gallery_y"].astype(np.int64))
    itself = view.gallery_positions.get(sample, -1) if view.shared else -1
    own = own_centroids(known, labels, torch.tensor([y]), classes, torch.tensor([itself]))[0]
    other = class_centroids(known, labels, classes)[false]
    return AttackedImages(*(torch.stack([torch.as_tensor(one)] * STARTS) for one in (sample, y, false, own, other)))


def _placed(view: View, method: str, seed: int, embedding: Any) -> Any:
    """Places between the nearest known points of the map; nan if the study does not keep their embeddings."""
    import torch

    from tla.projection import barycentre

    arrays = view.arrays(f"embeddings/{method}-seed{seed}")
    scene = MapScene.of(view.store, methods=[method], seed=seed)
    known, places = [], []
    for kind, side in (("test", scene.maps[0].start), ("adversarial", scene.maps[0].end)):
        if kind in arrays:
            rows = [view.positions[int(i)] for i in scene.ids]
            known.append(arrays[kind][rows].astype(np.float32))
            places.append(side.astype(np.float32))
    if not known:
        return torch.full((len(embedding), 2), torch.nan)
    points, coordinates = np.concatenate(known), np.concatenate(places)
    drawn = np.isfinite(coordinates).all(axis=1)
    return barycentre(embedding, torch.from_numpy(points[drawn]), torch.from_numpy(coordinates[drawn]))


def flipped(rows: Frame) -> dict[str, int]:
    """How many starts flip the image, by method."""
    won = rows.groupby(["method", "restart"], observed=True)["success"].max().astype(bool)
    return {str(method): int(n) for method, n in won.groupby(level="method").sum().items()}


def fans(view: View, methods: list[str], seed: int, sample: int) -> tuple[Frame, list[str]]:
    """The fans of several methods as one frame, and why others have none.

    Args:
        view: The study.
        methods: Whose models.
        seed: Training seed.
        sample: Id of the image.
    """
    rows, reasons = [], []
    for method in methods:
        try:
            rows.append(fan(view, method, seed, sample))
        except (MissingDataError, ValueError) as error:
            reasons.append(str(error))
    none = of_run(view.table("trajectory"), seed, [])
    return (pd.concat(rows, ignore_index=True) if rows else none), list(dict.fromkeys(reasons))
