"""Measures one model's embeddings: shift, separation, detection, neighbours, retrieval and maps of every condition."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tla.projection import PROJECTIONS, Points, map_frame, trust_frame
from tla.representation import DETECTORS, Gallery, angle, detection_frame, fit_held_out, measure
from tla.representation.collapse import collapse_statistics
from tla.representation.shift import MEASURES
from tla.retrieval import GalleryIndex, Queries, neighbours_frame, retrieval_frame
from tla.seeding import derive
from tla.statistics.intervals import mean_intervals
from tla.study.embeddings.config import EmbeddingStudy
from tla.study.embeddings.model import ModelEmbeddings
from tla.study.embeddings.models import gallery_logits, outputs_of, predictions
from tla.types import Outputs

Frames = dict[str, pd.DataFrame]
ALIKE = ("dead", "zeros", "effective_rank", "norm")
"""Measures of `structure` that need no classes."""
STABILITY_SEEDS = (0, 1, 2)
STABILITY_SAMPLE = 500


class Measuring:
    """One model being measured.

    Args:
        study: What is asked.
        model: Its embeddings.
        classes: How many classes there are; 0 if they are not known.

    Attributes:
        index: The gallery's index.
        notes: Detectors that were left out, a sentence each.
    """

    def __init__(self, study: EmbeddingStudy, model: ModelEmbeddings, classes: int) -> None:
        self.study, self.model, self.classes = study, model, classes
        unknown = torch.full((len(model.gallery),), -1)
        labels = unknown if model.gallery_y is None else model.gallery_y
        self.index = GalleryIndex.build(model.gallery, labels, model.gallery_ids, distance=study.distance)
        self.k = min(study.neighbours, len(model.gallery) - model.shared)
        self.y = torch.full_like(model.ids, -1) if model.y is None else model.y
        self.notes: list[str] = []
        width = next((values.shape[1] for values in model.logits.values()), classes)
        known = bool(model.logits) or model.y is not None
        self._outputs: dict[str, Outputs | None] = {
            which: outputs_of(model, which, max(classes, width), study.distance) if known else None
            for which in ("test", *model.shifted)
        }

    def frames(self, report: Callable[[float, str], None]) -> Frames:
        """Every table of the model."""
        found: dict[str, list[pd.DataFrame]] = {}
        self._add(found, self._searched("test", "clean", "clean"))
        for number, condition in enumerate(self.model.shifted):
            for part, name, make in ((0.0, "shift", self._shift), (0.2, "detection", self._detection),
                                     (0.4, "neighbours", self._neighbours), (0.5, "maps", self._maps)):  # fmt: skip
                report((number + part) / len(self.model.shifted), f"{condition}: {name}")
                self._add(found, make(condition))
        return {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}

    @staticmethod
    def _add(found: dict[str, list[pd.DataFrame]], frames: Frames) -> None:
        for name, frame in frames.items():
            found.setdefault(name, []).append(frame)

    def _shift(self, condition: str) -> Frames:
        clean, moved = self._outputs["test"], self._outputs[condition]
        if clean is None or moved is None or self.model.y is None:
            return labelled(self._unlabelled(condition), condition)
        labels = self.model.gallery_y
        assert labels is not None
        gallery = Gallery(self.model.gallery, labels, self.model.gallery_ids if self.model.shared else None)
        found = measure(
            clean, moved, self.y, gallery,
            ids=self.model.ids, k=self.k, name=self.study.distance, search=self.index.positions,
        )  # fmt: skip
        frames = {"shift": found.images, "measures": found.summary, "structure": found.structure}
        return labelled(frames, condition)

    def _unlabelled(self, condition: str) -> Frames:
        """What a shift is without classes: angles, and the measures of collapse."""
        moved = self.model.shifted[condition]
        turned = angle(self.model.test, moved).numpy()
        guess = predictions(self._outputs[condition], self.model.ids).numpy()
        shift = pd.DataFrame({"id": self.model.ids.numpy(), "y": -1, "prediction": guess, "false_class": -1})
        shift = shift.assign(group="all", **dict.fromkeys(MEASURES, np.float32(math.nan)))
        shift["angle"] = turned
        measures = mean_intervals(pd.DataFrame({"angle": turned})).assign(group="all", against="adversarial")
        columns = ["measure", "group", "kind", "n", "value", "low", "high"]
        rows = []
        for kind, embedding in (("clean", self.model.test), ("adversarial", moved)):
            values = collapse_statistics(embedding, torch.zeros_like(self.model.ids))
            rows += [(name, "all", kind, len(moved), getattr(values, name), math.nan, math.nan) for name in ALIKE]
        order = ["measure", "group", "against", "n", "mean", "low", "high"]
        return {
            "shift": shift,
            "measures": measures.reindex(columns=order),
            "structure": pd.DataFrame(rows, columns=columns),
        }

    def _detection(self, condition: str) -> Frames:
        clean, moved = self._outputs["test"], self._outputs[condition]
        if clean is None or moved is None or self.model.gallery_y is None:
            return {}
        gallery = Outputs(gallery_logits(self.model, clean.logits.shape[1]), self.model.gallery)
        without = torch.arange(len(self.y)) if self.model.shared else None
        scores = {}
        for name in self.study.detectors:
            kind = DETECTORS.get(name)
            if kind.reads_logits and not self.model.logits:
                continue
            settings = {"distance": self.study.distance} if name == "knn" else {}
            try:
                scores[name] = fit_held_out(
                    DETECTORS.build(name, **settings), gallery, self.model.gallery_y, without, self.index.positions
                )
            except ValueError as error:
                self.notes.append(f"The detector {name} is left out: {error}.")
        if not scores:
            return {}
        frame = detection_frame(scores, clean, moved, self.y, ids=self.model.ids)
        return labelled({"detection": frame}, condition)

    def _neighbours(self, condition: str) -> Frames:
        return self._searched(condition, condition, "adversarial")

    def _searched(self, which: str, label: str, kind: str) -> Frames:
        """Neighbours and, where classes are known, retrieval of one condition."""
        embedding = self.model.test if which == "test" else self.model.shifted[which]
        queries = Queries(kind, embedding, predictions(self._outputs[which], self.model.ids))
        shared = self.model.shared
        near = neighbours_frame(self.index, queries, self.y, self.model.ids, k=self.k, same_split=shared)
        frames = {"neighbours": near}
        if self.model.y is not None:
            frames["retrieval"] = retrieval_frame(self.index, queries, self.y, self.model.ids, same_split=shared)
        return {name: frame.assign(attack=label, eps=0.0) for name, frame in frames.items()}

    def _maps(self, condition: str) -> Frames:
        count = min(self.study.map_points, len(self.y))
        clean, moved = self._points("test", count), self._points(condition, count)
        both = torch.cat([clean.embedding, moved.embedding])
        seed = derive(0, self.model.name, "map") % 2**31
        maps, trust = [], []
        for name in dict.fromkeys([self.study.projection, "pca"]):
            projection = PROJECTIONS.build(name, distance=self.study.distance)
            drawn = map_frame(projection, clean, moved, self.y[:count], self.model.ids[:count], seed=seed)
            places = torch.tensor(drawn[["u", "v"]].to_numpy("float32"))
            maps.append(drawn)
            trust.append(
                trust_frame(projection, both, places, seeds=STABILITY_SEEDS, sample=STABILITY_SAMPLE, label=name)
            )
        frames = {"map": pd.concat(maps, ignore_index=True), "trust": pd.concat(trust, ignore_index=True)}
        return {name: frame.assign(attack=condition) for name, frame in frames.items()}

    def _points(self, which: str, count: int) -> Points:
        embedding: Tensor = self.model.test if which == "test" else self.model.shifted[which]
        return Points(embedding[:count], predictions(self._outputs[which], self.model.ids)[:count])


def labelled(frames: Frames, condition: str) -> Frames:
    """The frames with the condition as the column `attack`, and 0 as its radius."""
    for frame in frames.values():
        frame.insert(0, "attack", condition)
        frame.insert(1, "eps", 0.0)
    return frames
