"""A small network trained here and now on the digits, and a map of its embeddings after every epoch."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from board.colours import tones
from board.component import part
from tla.plots.drawing.theme import Look

if TYPE_CHECKING:
    from torch import Tensor

    from tla.data import Images

EPS = 0.15
SHOWN = 150
MOST = 32
_component = part("lesson", "elements")


class Asked(NamedTuple):
    """What is trained.

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


class Lesson(NamedTuple):
    """One training as it went; e epochs and the beginning, n test images.

    Attributes:
        clean: Places in the map of unit-length embeddings, shape (e + 1, n, 2).
        adversarial: The same under attack, shape (e + 1, n, 2).
        right: Whether the network is right under attack, shape (e + 1, n).
        angle: Mean degrees by which the attack turns an embedding, shape (e + 1,).
        relative: Mean of the same over the angle from the own class to the nearest other one, shape (e + 1,).
        labels: True classes, shape (n,).
        seconds: Training alone.
    """

    clean: np.ndarray
    adversarial: np.ndarray
    right: np.ndarray
    angle: np.ndarray
    relative: np.ndarray
    labels: np.ndarray
    seconds: float


def lesson(method: str, asked: Asked, tell: Callable[[float], None]) -> Lesson:
    """Train from the same beginning, on the same batches, whatever the method; or what was trained before.

    Args:
        method: "at" or "tla".
        asked: The settings; AT has use for the epochs alone.
        tell: Told the share that is done, 0..1.
    """
    asked = asked if method == "tla" else Asked(epochs=asked.epochs)
    kept = _kept()
    if (method, asked) not in kept:
        if len(kept) >= MOST:
            kept.pop(next(iter(kept)))
        kept[method, asked] = trained(method, asked, tell)
    return kept[method, asked]


@st.cache_resource(show_spinner=False)
def _kept() -> dict[tuple[str, Asked], Lesson]:
    """Lessons of this server. Not a cached function of its own: one that draws its progress cannot be replayed."""
    return {}


def trained(method: str, asked: Asked, tell: Callable[[float], None]) -> Lesson:
    """Train now; see `lesson`."""
    import torch

    from tla.data import SOURCES
    from tla.models import build_model
    from tla.models.small_cnn import SmallCNN
    from tla.training import METHODS, TrainConfig, train

    splits = SOURCES.build("digits").load()
    test = splits.test.subset(torch.arange(SHOWN))
    network = build_model(SmallCNN(width=16, embedding=32), test.shape, len(test.classes), 0)
    knobs = {"alpha": asked.alpha, "lambda_triplet": asked.weight, "mining": asked.mining}
    config = TrainConfig(
        epochs=asked.epochs, batch=64, eps=EPS, learning_rate=3e-3, holdout=0, select=False,
        attack=_pgd(5), judge=_pgd(5), precision="fp32",
    )  # fmt: skip
    looks = [_look(network, test, splits.train)]
    spent, started = 0.0, time.perf_counter()

    def watch(news: Any) -> None:
        nonlocal spent, started
        tell((news.epoch + news.step / news.steps * (news.row is None)) / news.epochs)
        if news.row is not None:
            spent += time.perf_counter() - started
            looks.append(_look(network, test, splits.train))
            started = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        built = METHODS.build(method, **(knobs if method == "tla" else {}))
        train(network, splits.train, built, config, seed=0, folder=Path(folder), progress=watch)
    return _drawn(looks, test.labels.numpy(), spent)


def show(lessons: dict[str, Lesson], classes: list[str], look: Look, *, key: str) -> None:
    """The maps side by side; a handle walks through the epochs in the browser.

    Args:
        lessons: By method.
        classes: Names of the classes.
        look: Labels of the methods, colours of the classes.
        key: Unique name.
    """
    styles = look.methods(list(lessons))
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
        for method, one in lessons.items()
    ]
    colours = [look.class_colour(place) for place in range(len(classes))]
    _component(key=key, data={"maps": maps, "classes": classes, "colours": colours, **tones()})


class _Looked(NamedTuple):
    clean: "Tensor"
    adversarial: "Tensor"
    right: "Tensor"
    angle: float
    relative: float


def _pgd(steps: int) -> Any:
    from tla.attacks import PGD

    return PGD(steps=steps)


def _look(network: Any, test: "Images", known: "Images") -> _Looked:
    """Embeddings of test images, clean and under PGD-10, and how far they turn between the classes of known images."""
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
        found = _pgd(10)(network, x, Untargeted(y), Threat("linf", EPS), generator=generator(0, "attack"))
        with torch.no_grad():
            clean, adversarial, rest = (network(images) for images in (x, found.adversarial, known.floats()))
    turned = angle(clean.embedding, adversarial.embedding)
    apart = nearest_centroid_angle(class_centroids(rest.embedding, known.labels, len(known.classes)))
    right = adversarial.logits.argmax(1) == y
    relative = float((turned / apart[y]).mean())
    return _Looked(clean.embedding, adversarial.embedding, right, float(turned.mean()), relative)


def _drawn(looks: list[_Looked], labels: np.ndarray, seconds: float) -> Lesson:
    """All epochs through one window: the principal components of the last one's clean embeddings, at length 1."""
    from tla.projection import PROJECTIONS

    fitted = PROJECTIONS.build("pca").fit(looks[-1].clean)
    assert fitted.transform is not None
    return Lesson(
        clean=np.stack([fitted.transform(one.clean).numpy() for one in looks]),
        adversarial=np.stack([fitted.transform(one.adversarial).numpy() for one in looks]),
        right=np.stack([one.right.numpy() for one in looks]),
        angle=np.array([one.angle for one in looks]),
        relative=np.array([one.relative for one in looks]),
        labels=labels,
        seconds=seconds,
    )
