"""First step: selects and stores the images of the study."""

import numpy as np
import pandas as pd

from tla.data import Images
from tla.study import costs
from tla.study.workspace import Report, StepResult, StudyStep, Workspace
from tla.training.checks import check_run
from tla.training.engine import processes
from tla.training.setup import split


def check(workspace: Workspace) -> None:
    """Reject a study that cannot work before anything is trained.

    Raises:
        ValueError: if a backbone does not accept the images, or a data set is too small for the study.
        FileNotFoundError: if the data are missing; says where it looked.
    """
    train = workspace.splits.train
    for name in workspace.study.methods:
        if workspace.start is None:
            workspace.study.build_model(name).build(train.shape, len(train.classes))
        config, method = workspace.study.build_train(name), workspace.study.build_method(name)
        try:
            check_run(train, split(len(train), config.holdout).kept, method, config, processes())
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    largest, shared = workspace.study.analysis.neighbours, workspace.splits.shared
    if largest > len(workspace.gallery) - shared:
        others = "'s other" if shared else "'s"
        most = len(workspace.gallery) - shared
        raise ValueError(f"analysis.neighbours must be <= the gallery{others} {most} images, got {largest}")


def step(workspace: Workspace) -> StudyStep:
    """Stores the attacked images and the gallery in the study folder."""
    return StudyStep("data", workspace.data_digest, costs.FIXED, lambda report: _run(workspace, report))


def _run(workspace: Workspace, report: Report) -> StepResult:
    report(0.1, "writing images")
    queries, gallery = workspace.queries, workspace.gallery
    arrays = workspace.store.write_arrays("images", {**_arrays("test", queries), **_arrays("gallery", gallery)})
    samples = pd.concat([_frame(queries), _frame(gallery)], ignore_index=True).drop_duplicates(ignore_index=True)
    table = workspace.store.write_table("samples", samples)
    classes = list(queries.classes)
    facts = {
        "name": queries.name,
        "classes": classes,
        "shape": list(queries.shape),
        "train": 0 if workspace.splits.shared else len(workspace.splits.train),
        "test": len(workspace.splits.test),
        "queries": len(queries),
        "gallery": len(gallery),
        "shared": workspace.splits.shared,
        "notes": list(queries.notes),
    }
    workspace.store.note(data=facts)
    return StepResult([arrays, table], _message(workspace), facts)


def _message(workspace: Workspace) -> str:
    """What images there are, and how they were read."""
    queries, gallery, splits = workspace.queries, workspace.gallery, workspace.splits
    said = f"{len(splits.train)} training and {len(splits.test)} test images of {queries.name}"
    if splits.shared:
        count = f"all {len(queries)}" if len(queries) == len(splits.test) else f"{len(queries)} of {len(splits.test)}"
        which = "the same images" if len(gallery) == len(splits.test) else f"{len(gallery)} of the same images"
        said = f"{count} images of {queries.name} are attacked; the gallery is {which}, each without itself"
    return "; ".join((said, *queries.notes))


def _arrays(name: str, images: Images) -> dict[str, np.ndarray]:
    return {
        name: images.pixels.numpy(),
        f"{name}_id": images.ids.numpy().astype(np.int32),
        f"{name}_y": images.labels.numpy().astype(np.int16),
    }


def _frame(images: Images) -> pd.DataFrame:
    ids = images.ids.numpy().astype(np.int32)
    return pd.DataFrame({"id": ids, "split": images.split, "y": images.labels.numpy().astype(np.int16)})
