"""What a notebook calls: `tla.explore`, `tla.threshold`, `tla.lab`, `tla.triplet`, `tla.link`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tla.extras import require
from tla.widgets.linking import Link
from tla.widgets.scene import MapScene
from tla.widgets.sources import Frames, source_of

if TYPE_CHECKING:
    from tla.threat import Threat
    from tla.widgets.notebook.explorer import Explorer
    from tla.widgets.notebook.lab import Lab
    from tla.widgets.notebook.threshold import Threshold
    from tla.widgets.notebook.triplet import TripletPlane


def explore(
    given: Any,
    *,
    methods: Sequence[str] | None = None,
    projection: str | None = None,
    seed: int | None = None,
    classes: Sequence[str] = (),
    images: Mapping[str, np.ndarray] | None = None,
    **state: Any,
) -> "Explorer":
    """Explore where an attack moves the representations: maps, images, neighbours and measures, all linked.

    Args:
        given: A study's name or folder, a `Store`, what holds one, a frame with the columns of the table `map`, or
            frames by the name of their table: {"map": ..., "shift": ..., "neighbours": ...}.
        methods: Whose maps are shown first; by default up to three, the others can be shown later.
        projection: Which map, by default umap.
        seed: Training seed, by default the smallest.
        classes: Names of the classes, for frames.
        images: "test" (n, c, h, w), uint8 or in [0, 1], with "test_id", and "gallery" with "gallery_id", for frames.
        state: The explorer's own attributes: selection, focus, colour, morph, arrows.

    Raises:
        ModuleNotFoundError: without the extra 'notebooks'; gives the pip line.
        FileNotFoundError: if there is no such study; lists those there are.
        ValueError: without a map, or for a method, projection, seed or id that it does not have.
    """
    require("anywidget", "tla.explore")
    from tla.widgets.notebook.explorer import Explorer

    source = source_of(given)
    if isinstance(source, Frames) and (classes or images):
        source = source.having(classes, images)
    scene = MapScene.of(source, projection=projection, seed=seed)
    return Explorer(source, scene, methods=methods, **state)


def threshold(
    given: Any,
    *,
    methods: Sequence[str] | None = None,
    detector: str | None = None,
    eps: float | int | None = None,
    adaptive: bool = False,
    seed: int | None = None,
    **state: Any,
) -> "Threshold":
    """A detection threshold to move: ROC, histograms, what is refused and what passes.

    Args:
        given: A study's name or folder, a `Store`, or frames: {"detection": ...}.
        methods: Which, all by default.
        detector: The score, by default the Gaussian one.
        eps: Radius of the attack, by default the largest.
        adaptive: True for the attacker who knows the detector.
        seed: Training seed, by default the smallest.
        state: The widget's own attributes: share, method, focus.

    Raises:
        ModuleNotFoundError: without the extra 'notebooks'; gives the pip line.
        FileNotFoundError: if there is no such study; lists those there are.
        ValueError: without scores, or for a method, detector, eps or seed that they do not have.
    """
    require("anywidget", "tla.threshold")
    from tla.widgets.detection import Detection
    from tla.widgets.notebook.threshold import Threshold

    found = Detection.of(source_of(given), methods=methods, detector=detector, eps=eps, adaptive=adaptive, seed=seed)
    return Threshold(found, **state)


def lab(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    threat: "Threat | None" = None,
    classes: Sequence[str] = (),
    ids: Sequence[int] | None = None,
    **state: Any,
) -> "Lab":
    """Attack an image now, with settings to change and the film of its steps to scrub.

    Args:
        model: A torch module (see `tla.as_classifier`), or "STUDY:METHOD" for a model and the test images of a study,
            with "STUDY:METHOD:SEED" for another seed than the first.
        x: Images in [0, 1], shape (n, c, h, w); a study has its own.
        y: Their true classes, shape (n,).
        threat: Norm and radius to begin with; by default those of the study, or else Linf 8/255.
        classes: Names of the classes; by default their numbers.
        ids: Of the images; by default 0, 1, 2, ...
        state: The widget's own attributes: focus, attack, eps, steps, target, seed.

    Raises:
        ModuleNotFoundError: without the extra 'notebooks'; gives the pip line.
        FileNotFoundError: if there is no such study, or it has no weights of this method.
        ValueError: without images, for images that do not fit the labels, or for settings that are not possible.
    """
    require("anywidget", "tla.lab")
    from tla.widgets.lab_sources import given_lab, study_lab
    from tla.widgets.notebook.lab import Lab

    found = study_lab(model) if isinstance(model, str) else given_lab(model, x, y, classes, ids)
    norm, eps = (threat.norm, threat.eps) if threat is not None else (found.norm, found.eps)
    return Lab(found.model, found.images, norm, **({"eps": eps} | state))


def triplet(**settings: Any) -> "TripletPlane":
    """A plane with anchor, positive and negatives to drag, and the triplet loss of what is there.

    Args:
        settings: Of `tla.widgets.triplets.TripletState`: anchor, positive, negatives, alpha, distance, drawn.

    Raises:
        ModuleNotFoundError: without the extra 'notebooks'; gives the pip line.
        ValueError: for a distance or margin that is not possible.
    """
    require("anywidget", "tla.triplet")
    from tla.widgets.notebook.triplet import TripletPlane

    return TripletPlane(**settings)


def link(*widgets: Any) -> Link:
    """One focus and one selection for several widgets: `tla.link(explorer, threshold, lab)`.

    Args:
        widgets: At least two of what `tla.explore`, `tla.threshold` and `tla.lab` give.

    Returns:
        What keeps them equal; `.unlink()` ends that.

    Raises:
        ValueError: for fewer than two, or for one without a focus or a selection.
    """
    return Link(*widgets)
