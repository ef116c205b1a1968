"""A small network trained now on the digits, with a map of its embeddings after every epoch."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from board.component import load_component
from tla.plots.drawing.theme import Look

if TYPE_CHECKING:
    from torch import Tensor

    from tla.data import Images

EPS = 0.15
TEST_IMAGES = 150
CACHE_SIZE = 32
_component = load_component("live_training")


class LiveSettings(NamedTuple):
    """Settings of a training.

    Attributes:
        alpha: Margin of TLA, >= 0.
        weight: Weight of its triplet term, >= 0.
        mining: Where its negatives come from, see `tla.training.methods.tla`.
        epochs: Passes over the 1,297 training images, >= 1.
    """

    alpha: float = 0.3
    weight: float = 4.0
    mining: str = "batch"
    epochs: int = 10


class LiveTraining(NamedTuple):
    """One training of e epochs, measured before it and after each epoch on n test images.

    Attributes:
        clean: Coordinates of the unit-length embeddings in the map, shape (e + 1, n, 2).
        adversarial: The same under attack, shape (e + 1, n, 2).
        right: True where the network is right under attack, shape (e + 1, n).
        angle: Mean angle by which the attack turns an embedding, degrees, shape (e + 1,).
        relative: Mean of that angle over the angle between the own and the nearest other centroid, shape (e + 1,).
        labels: True classes, shape (n,).
        seconds: Of the training alone.
    """

    clean: np.ndarray
    adversarial: np.ndarray
    right: np.ndarray
    angle: np.ndarray
    relative: np.ndarray
    labels: np.ndarray
    seconds: float


def train_cached(method: str, settings: LiveSettings, progress: Callable[[float], None]) -> LiveTraining:
    """Train, or return an earlier result; every method starts from the same weights and sees the same batches.

    Args:
        method: "at" or "tla".
        settings: Of the training; AT uses the epochs only.
        progress: Called with the share that is done, 0..1.
    """
    settings = settings if method == "tla" else LiveSettings(epochs=settings.epochs)
    cache = _cache()
    if (method, settings) not in cache:
        if len(cache) >= CACHE_SIZE:
            cache.pop(next(iter(cache)))
        cache[method, settings] = train_now(method, settings, progress)
    return cache[method, settings]


@st.cache_resource(show_spinner=False)
def _cache() -> dict[tuple[str, LiveSettings], LiveTraining]:
    """Results of this server. `train_cached` itself cannot be cached by Streamlit: it draws its progress."""
    return {}


def train_now(method: str, settings: LiveSettings, progress: Callable[[float], None]) -> LiveTraining:
    """Train; see `train_cached`."""
    import torch

    from tla.data import SOURCES
    from tla.models import build_model
    from tla.models.small_cnn import SmallCNN
    from tla.training import METHODS, TrainConfig, train

    splits = SOURCES.build("digits").load()
    test = splits.test.subset(torch.arange(TEST_IMAGES))
    network = build_model(SmallCNN(width=16, embedding=32), test.shape, len(test.classes), 0)
    options = {"alpha": settings.alpha, "lambda_triplet": settings.weight, "mining": settings.mining}
    config = TrainConfig(
        epochs=settings.epochs, batch=64, eps=EPS, learning_rate=3e-3, holdout=0, select=False,
        attack=_pgd(5), judge=_pgd(5), precision="fp32",
    )  # fmt: skip
    epochs = [measure(network, test, splits.train)]
    seconds, start = 0.0, time.perf_counter()

    def step_done(state: Any) -> None:
        nonlocal seconds, start
        progress((state.epoch + state.step / state.steps * (state.row is None)) / state.epochs)
        if state.row is not None:
            seconds += time.perf_counter() - start
            epochs.append(measure(network, test, splits.train))
            start = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        built = METHODS.build(method, **(options if method == "tla" else {}))
        train(network, splits.train, built, config, seed=0, folder=Path(folder), progress=step_done)
    return _project(epochs, test.labels.numpy(), seconds)


def show(trainings: dict[str, LiveTraining], classes: list[str], look: Look, *, key: str) -> None:
    """Show the maps side by side, with a slider over the epochs that runs in the browser.

    Args:
        trainings: By method.
        classes: Names of the classes.
        look: Labels of the methods, colours of the classes.
        key: Unique name.
    """
    styles = look.methods(list(trainings))
    maps = [
        {
            "label": styles[method].label,
            "clean": one.clean.round(3).tolist(),
            "adversarial": one.adversarial.round(3).tolist(),
            "right": one.right.tolist(),
            "angle": one.angle.round(1).tolist(),
            "relative": one.relative.round(3).tolist(),
            "labels": one.labels.tolist(),
        }
        for method, one in trainings.items()
    ]
    colours = [look.class_colour(index) for index in range(len(classes))]
    _component(key=key, data={"maps": maps, "classes": classes, "colours": colours})


class EpochMeasures(NamedTuple):
    """Embeddings of the test images after one epoch, and how far the attack turns them."""

    clean: "Tensor"
    adversarial: "Tensor"
    right: "Tensor"
    angle: float
    relative: float


def measure(network: Any, test: "Images", train: "Images") -> EpochMeasures:
    """Attack the test images with PGD-10; the angle is measured against the class centroids of the training images."""
    import torch

    from tla.attacks import Untargeted
    from tla.models.network.mode import evaluating
    from tla.representation import angle
    from tla.representation.centroids import class_centroids
    from tla.representation.shift import nearest_centroid_angle
    from tla.seeding import generator
    from tla.threat import Threat

    x, y = test.floats(), test.labels
    with evaluating(network):
        attacked = _pgd(10)(network, x, Untargeted(y), Threat("linf", EPS), generator=generator(0, "attack"))
        with torch.no_grad():
            clean, adversarial, known = (network(images) for images in (x, attacked.adversarial, train.floats()))
    turn = angle(clean.embedding, adversarial.embedding)
    between = nearest_centroid_angle(class_centroids(known.embedding, train.labels, len(train.classes)))
    right = adversarial.logits.argmax(1) == y
    relative = float((turn / between[y]).mean())
    return EpochMeasures(clean.embedding, adversarial.embedding, right, float(turn.mean()), relative)


def _pgd(steps: int) -> Any:
    from tla.attacks import PGD

    return PGD(steps=steps)


def _project(epochs: list[EpochMeasures], labels: np.ndarray, seconds: float) -> LiveTraining:
    """All epochs on the same axes: the principal components of the last epoch's unit-length clean embeddings."""
    from tla.projection import PROJECTIONS

    fitted = PROJECTIONS.build("pca").fit(epochs[-1].clean)
    assert fitted.transform is not None
    return LiveTraining(
        clean=np.stack([fitted.transform(one.clean).numpy() for one in epochs]),
        adversarial=np.stack([fitted.transform(one.adversarial).numpy() for one in epochs]),
        right=np.stack([one.right.numpy() for one in epochs]),
        angle=np.array([one.angle for one in epochs]),
        relative=np.array([one.relative for one in epochs]),
        labels=labels,
        seconds=seconds,
    )
