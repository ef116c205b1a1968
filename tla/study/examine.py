"""A study of models and images that are variables in Python."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tla.attacks import ATTACKS, Attack
from tla.data import SOURCES, Images, Splits, images_from
from tla.data.loading.own_arrays import ArrayForm, images_of_dataset, is_dataset
from tla.data.loading.picture import PictureFormat
from tla.models import GivenModel, as_classifier, evaluating
from tla.precision import Precision
from tla.store import Store
from tla.study.config import AnalysisPlan, AttackPlan, Study
from tla.study.progress import ProgressCallback
from tla.study.run import plan, run_steps
from tla.study.workspace import Workspace
from tla.threat import Threat


def examine(
    models: nn.Module | Mapping[str, Any],
    test: Any,
    train: Any = None,
    *,
    threat: Threat | None = None,
    suite: Mapping[str, Attack] | None = None,
    main: str | None = None,
    precision: Precision = "auto",
    analysis: AnalysisPlan | None = None,
    classes: tuple[str, ...] | None = None,
    folder: Path | str | None = None,
    name: str = "examined",
    progress: ProgressCallback | None = None,
) -> Store:
    """Attack, measure and compare models that exist; the result is a study like any other.

    Calling it again with the same arguments and folder resumes what was interrupted and repeats nothing.

    Args:
        models: A network, or networks by the names they should have. A network is a torch module that maps images in
            0..1 to logits, to (logits, embedding) or to `Outputs`; a text as `tla study --given` takes it
            ("torchvision:resnet18"); or a `GivenModel`, which also says head, mean, std and the like.
        test: The images to attack and their classes: `tla.Images`, a torch dataset, or (x, y) as in
            `tla.data.images_from`.
        train: The gallery behind retrieval, centroids and detectors; without it the test images are the gallery, each
            without itself.
        threat: Norm and radius; by default linf 8/255.
        suite: Attacks by their labels; by default `default_suite()`: PGD-20 and the ensemble.
        main: Label of the attack whose images are embedded and mapped; by default the suite's first.
        precision: Of the attacks: "auto" takes bf16 where the hardware is fast at it, so that the images that are found
            differ from one machine to another; "fp32" does not.
        analysis: What is measured; by default everything.
        classes: Names of the classes, if `test` does not say.
        folder: The study folder; by default a new one in the system's temporary folder.
        name: Name of the study.
        progress: Called with every change of progress.

    Returns:
        The study: `tla.explore(study)`, `study.table("shift")`, `study.path / "report.html"`.

    Raises:
        ValueError: for images or models that do not fit; names what came.
    """
    named = models if isinstance(models, Mapping) else {type(models).__name__: models}
    given = {key: _given(key, model) for key, model in named.items()}
    networks = {key: model for key, model in named.items() if isinstance(model, nn.Module)}
    images = _splits(test, train, classes, name, networks)
    threat = threat or Threat("linf", 8 / 255)
    attacks = dict(suite) if suite else default_suite()
    path = Path(tempfile.mkdtemp(prefix="tla-")) if folder is None else Path(folder)
    study = Study(
        name=name,
        source=SOURCES.build("study", path=str(path)),
        methods=(),
        given=given,
        attack=AttackPlan(
            norm=threat.norm,
            eps=float(threat.eps),
            examples=len(images.test),
            main=main or next(iter(attacks)),
            suite=attacks,
            precision=precision,
        ),
        analysis=analysis or AnalysisPlan(neighbours=min(10, len(images.train) - 1)),
    )
    return run_steps(Workspace(study, Store(path), images=images, networks=networks), plan, progress=progress)


def default_suite() -> dict[str, Attack]:
    """PGD with the 20 steps of the recipe `folder`, and the ensemble."""
    return {"pgd": ATTACKS.build("pgd", steps=20), "ensemble": ATTACKS.build("ensemble")}


def _splits(
    test: Any, train: Any, classes: tuple[str, ...] | None, name: str, networks: Mapping[str, nn.Module]
) -> Splits:
    """Both splits with the same classes; the test images themselves where there are no others."""
    queries = _images(test, "test", classes, name)
    gallery = queries if train is None else _images(train, "train", classes, name)
    if classes is None and not any(isinstance(given, Images) for given in (test, train)):
        answered = [_answered(network, queries) for network in networks.values()]
        count = max([len(queries.classes), len(gallery.classes), *answered])
        queries, gallery = (replace(images, classes=tuple(map(str, range(count)))) for images in (queries, gallery))
        gallery = queries if train is None else gallery
    if gallery.classes != queries.classes or gallery.shape != queries.shape:
        raise ValueError(
            f"train and test must have the same classes and size, got {len(gallery.classes)} classes of "
            f"{tuple(gallery.shape)} and {len(queries.classes)} of {tuple(queries.shape)}"
        )
    return Splits(gallery, queries)


def _answered(network: nn.Module, images: Images) -> int:
    """Number of classes that a network answers with; 0 for one that does not fit, which is said later."""
    try:
        with torch.no_grad(), evaluating(network):
            return as_classifier(network, shape=images.shape)(images.floats(slice(2))).logits.shape[1]
    except ValueError:
        return 0


def _images(given: Any, split: str, classes: tuple[str, ...] | None, name: str) -> Images:
    if isinstance(given, Images):
        return given
    if is_dataset(given):
        form = ArrayForm(where=split, name=name, split=split)
        return images_of_dataset(given, classes, form, PictureFormat())
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"{split} must be tla.Images, a dataset or a pair (x, y), got {type(given).__name__}")
    try:
        return images_from(given[0], given[1], classes=classes, name=name, split=split)
    except ValueError as error:
        raise ValueError(f"{split}: {error}") from None


def _given(name: str, model: Any) -> GivenModel:
    if isinstance(model, GivenModel):
        return model
    if isinstance(model, str):
        return GivenModel(load=model)
    if isinstance(model, nn.Module):
        return GivenModel(load=f"python:{type(model).__module__}.{type(model).__qualname__}")
    raise ValueError(f"models: {name!r} must be a torch module, a text or a GivenModel, got {type(model).__name__}")
