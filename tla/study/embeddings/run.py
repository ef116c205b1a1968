"""Runs a study of embeddings: from a folder, or from arrays in Python."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tla.config import digest
from tla.store import Store
from tla.study.embeddings.config import EmbeddingStudy, embedding_values
from tla.study.embeddings.models import StudyEmbeddings, study_embeddings
from tla.study.embeddings.read import Parts, given_parts, read_folder
from tla.study.embeddings.steps import EmbeddingWork, data_facts, main_condition, plan
from tla.study.progress import ProgressCallback
from tla.study.run import environment, run_plan
from tla.study.workspace import StudyStep


def run_embeddings(
    study: EmbeddingStudy,
    folder: Path,
    *,
    progress: ProgressCallback | None = None,
    request: str = "",
    force: bool = False,
) -> Store:
    """Measure the embeddings of a folder; finished steps are skipped, interrupted ones resume.

    Args:
        study: What to measure, and where the files are.
        folder: The study folder; created if missing.
        progress: Called with every change of progress.
        request: Fingerprint of the command, stored in the manifest once everything is finished.
        force: Run every step again.

    Returns:
        The finished study.

    Raises:
        ValueError: for files that do not fit together; names the file, what is allowed and what came.
        FileNotFoundError: if the folder of embeddings is missing.
        OSError: without space or permission; finished steps are kept.
    """
    parts = read_folder(Path(study.embeddings).expanduser())
    return _run(study, parts, folder, progress, request, force)


def examine_embeddings(
    embeddings: Mapping[str, Any],
    *,
    classes: tuple[str, ...] | None = None,
    main: str = "",
    folder: Path | str | None = None,
    name: str = "embeddings",
    progress: ProgressCallback | None = None,
    **settings: Any,
) -> Store:
    """Measure embeddings that exist already, without a model; the result is a study like any other.

    Args:
        embeddings: Arrays, tensors or paths of files by name: "test" (clean test images, shape (n, d)) and every other
            condition of the same images under a name of its own ("blur": shape (n, d)). Where there are: "gallery"
            (natural training images, shape (m, d)), "y_test" and "y_gallery" (classes, whole numbers), "logits_test",
            "logits_blur", "logits_gallery" (shape (n, classes)), and "images_test", "images_blur", "images_gallery"
            (uint8, shape (n, c, h, w)). Several models: such a mapping for each, by the model's name.
        classes: Names of the classes.
        main: The condition that is shown first; by default the first in the alphabet.
        folder: The study folder; by default a new one in the system's temporary folder.
        name: Name of the study.
        progress: Called with every change of progress.
        settings: Other settings of `EmbeddingStudy`: neighbours, projection, map_points, detectors, distance.

    Returns:
        The study: `study.table("shift")`, `study.path / "report.html"`.

    Raises:
        ValueError: for arrays that do not fit together; names the array, what is allowed and what came.
    """
    study = EmbeddingStudy(name=name, main=main, **settings)
    given = dict(embeddings) if classes is None else {**embeddings, "classes": list(classes)}
    path = Path(tempfile.mkdtemp(prefix="tla-")) if folder is None else Path(folder)
    return _run(study, given_parts(given), path, progress, "", False)


def _run(
    study: EmbeddingStudy,
    parts: Mapping[str, Parts],
    folder: Path,
    progress: ProgressCallback | None,
    request: str,
    force: bool,
) -> Store:
    given = study_embeddings(parts)
    work = EmbeddingWork(study, given, Store(folder))
    main_condition(study, given)
    work.store.manifest()

    def begin() -> list[StudyStep]:
        _note(work, given)
        return plan(work)

    return run_plan(
        work.store, begin, progress=progress, request=request or digest(embedding_values(study)), force=force
    )


def _note(work: EmbeddingWork, given: StudyEmbeddings) -> None:
    """Write down what is being measured; methods, seeds and attack are what every reader of a study asks for."""
    import tomli_w

    values = embedding_values(work.study)
    names, main = [model.name for model in given.models], main_condition(work.study, given)
    work.store.note(
        complete=None,
        study=values | {"methods": names, "seeds": [0], "attack": {"main": main, "eps": 0.0}},
        embeddings={
            "conditions": list(given.conditions),
            "main": main,
            "classes": given.labelled,
            "logits": [model.name for model in given.models if model.logits],
            "pictures": sorted(given.first.images),
            "notes": list(given.notes),
        },
        data=data_facts(work),
        fairness={"fair": True, "reasons": []},
        short=[],
        sweep=None,
        **environment(work.store, torch.device("cpu"), torch.get_num_threads()),
    )
    work.store.write_text("study.toml", tomli_w.dumps(values))
