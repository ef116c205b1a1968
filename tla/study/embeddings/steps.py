"""The steps of a study of embeddings: images, every model's measures, the joined tables, the report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tla.config import digest
from tla.projection import map_moves
from tla.retrieval import save
from tla.store import Store
from tla.study.collect import MapAlignment, write_model_rows
from tla.study.embeddings.config import EmbeddingStudy
from tla.study.embeddings.measure import Measuring
from tla.study.embeddings.model import ModelEmbeddings
from tla.study.embeddings.models import StudyEmbeddings, content_digest
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel

TABLES = ("shift", "measures", "structure", "map", "trust", "detection", "neighbours", "retrieval")
REVISION = 1
"""Part of every fingerprint: counted up when what is measured changes."""


@dataclass(frozen=True)
class EmbeddingWork:
    """What the steps share.

    Args:
        study: What is asked.
        given: The embeddings.
        store: The study folder.
    """

    study: EmbeddingStudy
    given: StudyEmbeddings
    store: Store


def plan(work: EmbeddingWork) -> list[StudyStep]:
    """The steps in order, each with its fingerprint."""
    contents = {model.name: content_digest(model) for model in work.given.models}
    whole = digest([REVISION, work.given.classes, contents])
    settings = {key: value for key, value in vars(work.study).items() if key not in ("name", "caption", "embeddings")}
    steps = [StudyStep("data", whole, 0.2, lambda report: _write_images(work, report))]
    for model in work.given.models:
        inputs = digest([REVISION, settings, work.given.classes, contents[model.name]])
        steps.append(StudyStep(f"analyse/{model.name}-seed0", inputs, 2.0, _measure_step(work, model)))
    tables = digest([step.digest for step in steps])
    steps.append(StudyStep("tables", tables, 0.2, lambda report: _join(work, report)))
    shown = digest([tables, work.study.name, work.study.caption, work.given.notes])
    return [*steps, StudyStep("report", shown, 1.0, lambda report: _write_report(work, report))]


def _measure_step(work: EmbeddingWork, model: ModelEmbeddings) -> Callable[[Report], StepResult]:
    return lambda report: _measure(work, model, report)


def _write_images(work: EmbeddingWork, report: Report) -> StepResult:
    """Ids, classes and pictures of the images."""
    report(0.1, "images")
    first = work.given.first
    y, gallery_y = (
        np.full(len(ids), -1) if labels is None else labels.numpy()
        for ids, labels in ((first.ids, first.y), (first.gallery_ids, first.gallery_y))
    )
    arrays = {
        "test_id": first.ids.numpy().astype(np.int32),
        "test_y": y.astype(np.int32),
        "gallery_id": first.gallery_ids.numpy().astype(np.int32),
        "gallery_y": gallery_y.astype(np.int32),
    }
    shown = {which: pixels for which, pixels in first.images.items() if which in ("test", "gallery")}
    if first.shared and "test" in shown:
        shown["gallery"] = shown["test"]
    files = [work.store.write_arrays("images", arrays | shown)]
    parts = [("test", arrays["test_id"], arrays["test_y"])]
    if not first.shared:
        parts.append(("train", arrays["gallery_id"], arrays["gallery_y"]))
    samples = [pd.DataFrame({"id": ids, "split": split, "y": labels}) for split, ids, labels in parts]
    files.append(work.store.write_table("samples", pd.concat(samples, ignore_index=True)))
    facts = data_facts(work)
    return StepResult(files, "; ".join([_counted(facts), *work.given.notes]), facts)


def data_facts(work: EmbeddingWork) -> dict[str, Any]:
    """The manifest's entry about the images."""
    first = work.given.first
    pictures = first.images.get("test")
    return {
        "name": work.study.name,
        "classes": list(work.given.classes),
        "shape": None if pictures is None else list(pictures.shape[1:]),
        "train": 0 if first.shared else len(first.gallery),
        "test": len(first.test),
        "queries": len(first.test),
        "gallery": len(first.gallery),
        "shared": first.shared,
        "width": first.test.shape[1],
        "notes": list(work.given.notes),
    }


def _counted(facts: dict[str, Any]) -> str:
    gallery = "" if facts["shared"] else f" and {facts['gallery']} in the gallery"
    return f"{facts['test']} test images{gallery}, embeddings of {facts['width']:,}"


def _measure(work: EmbeddingWork, model: ModelEmbeddings, report: Report) -> StepResult:
    """One model: embeddings, index, pictures and the rows of its tables."""
    key = TrainedModel(model.name, 0)
    main = main_condition(work.study, work.given)
    report(0.0, "index")
    measuring = Measuring(work.study, model, len(work.given.classes))
    arrays = {name: values.numpy() for name, values in model.shifted.items()}
    arrays = {"adversarial": arrays[main]} | arrays | {"gallery": model.gallery.numpy(), "test": model.test.numpy()}
    files = [work.store.write_arrays(f"embeddings/{key.key}", arrays)]
    saved = save(measuring.index, work.store.path / "index" / f"{key.key}.faiss")
    files += [str(path.relative_to(work.store.path)) for path in saved]
    pictures = {name: model.images[name] for name in model.shifted if name in model.images}
    if pictures:
        files.append(work.store.write_arrays(f"adversarial/{key.key}", pictures))
    frames = measuring.frames(report)
    for file in model.files:
        file.check()
    files += [write_model_rows(work.store, name, key, frame) for name, frame in frames.items()]
    for name in set(TABLES) - set(frames):  # of an earlier run with other files or settings
        (work.store.path / "tables" / "parts" / name / f"{key.key}.parquet").unlink(missing_ok=True)
    return StepResult(files, _summary(frames, main, measuring.notes), {"left_out": measuring.notes})


def _summary(frames: dict[str, pd.DataFrame], main: str, notes: list[str]) -> str:
    shift = frames["shift"]
    words = [f"{name}: {part.angle.mean():.1f} degrees" for name, part in shift.groupby("attack", sort=False)]
    if "retrieval" in frames:
        found = frames["retrieval"].groupby("attack").recall_1.mean()
        words.append(f"recall@1 {found['clean']:.1%} clean, {found[main]:.1%} {main}")
    return "; ".join([", ".join(words), *dict.fromkeys(notes)])


def main_condition(study: EmbeddingStudy, given: StudyEmbeddings) -> str:
    """The condition that is shown first.

    Raises:
        ValueError: if the study names one that is not there.
    """
    if study.main and study.main not in given.conditions:
        raise ValueError(f"main must be one of {', '.join(given.conditions)}, got {study.main!r}")
    return study.main or given.conditions[0]


def _join(work: EmbeddingWork, report: Report) -> StepResult:
    """tables/<name>.parquet from the rows of all models; the maps of one condition are aligned with each other."""
    files, store = [], work.store
    known = [f"{model.name}-seed0" for model in work.given.models]
    for number, table in enumerate(TABLES):
        report(number / len(TABLES), table)
        names = [f"parts/{table}/{key}" for key in known]
        frames = [store.table(name) for name in names if store.has_table(name)]
        if not frames:
            continue
        joined = pd.concat(frames, ignore_index=True)
        if table == "map":
            parts = [rows for _, rows in joined.groupby("attack", sort=False)]
            joined = pd.concat([_aligned(rows) for rows in parts], ignore_index=True)
        files.append(store.write_table(table, joined))
    return StepResult(files, ", ".join(files))


def _aligned(rows: pd.DataFrame) -> pd.DataFrame:
    return MapAlignment(str(rows["projection"].iloc[0]), map_moves(rows))(rows)


def _write_report(work: EmbeddingWork, report: Report) -> StepResult:
    from tla.plots.report import write_report

    path = write_report(work.store, progress=lambda now: report(now.share, now.text))
    return StepResult([path.name], f"report.html, {path.stat().st_size / 1e6:.1f} MB")
