"""An attack on one image, step by step: run, and as `modules/film.js` shows it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tla.messages import radius_text
from tla.plots.drawing.pictures import data_uri

if TYPE_CHECKING:
    from tla.attacks import AttackResult
    from tla.attacks.base import Attack
    from tla.attacks.goals import Goal
    from tla.threat import Threat
    from tla.types import Model

MAX_FRAMES = 120


class Film(NamedTuple):
    """One attack on one image, step by step.

    Attributes:
        before: Probabilities of the clean image, shape (k,).
        images: Every iterate, shape (s, c, h, w), numbers in [0, 1].
        probabilities: Of every iterate, shape (s, k).
        labels: "step 3", or "restart 1, step 3", one for each iterate.
        after: Probabilities of the image that the attack returns, shape (k,).
        result: What the attack returned.
        seconds: That it took on this machine.
    """

    before: np.ndarray
    images: np.ndarray
    probabilities: np.ndarray
    labels: list[str]
    after: np.ndarray
    result: "AttackResult"
    seconds: float


def film_attack(
    model: "Model",
    x: Any,
    goal: "Goal",
    threat: "Threat",
    attack: "Attack",
    *,
    generator: Any,
    before_step: Callable[[], None] = lambda: None,
) -> Film:
    """Attack one image and keep every step.

    Args:
        model: Maps images to `Outputs`.
        x: The image, a tensor of shape (1, c, h, w) in [0, 1].
        goal: Of the attack, for one image.
        threat: Norm, radius and box.
        attack: A registered attack.
        generator: Source of random numbers.
        before_step: Called before each step is kept; whatever it raises ends the attack.

    Raises:
        ValueError: for settings that the attack rejects.
    """
    import torch

    recorder = StepRecorder()

    def record(step: Any) -> None:
        before_step()
        recorder(step)

    start = time.perf_counter()
    result = attack(model, x, goal, threat, generator=generator, on_step=record)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        before, after = (model(images).logits.softmax(1)[0].float().cpu().numpy() for images in (x, result.adversarial))
    recorder.end(result.adversarial[0].float().cpu().numpy(), after)
    images, likely = np.stack(recorder.images), np.stack(recorder.probabilities)
    return Film(before, images, likely, recorder.labels(), after, result, seconds)


class StepRecorder:
    """An `on_step` callback that records the iterates of one image and their class probabilities."""

    def __init__(self) -> None:
        self.images: list[np.ndarray] = []
        self.probabilities: list[np.ndarray] = []
        self.indices: list[tuple[int, int]] = []

    def __call__(self, step: Any) -> None:
        """Record one step."""
        if not len(step.rows):
            return
        self.images.append(step.images[0].float().cpu().numpy().copy())
        self.probabilities.append(step.outputs.logits[0].float().softmax(0).cpu().numpy())
        self.indices.append((step.restart, step.index))

    def end(self, adversarial: np.ndarray, after: np.ndarray) -> None:
        """Append the returned image if it is not the last iterate."""
        if not self.images or not np.array_equal(self.images[-1], adversarial):
            self.images.append(adversarial)
            self.probabilities.append(after)
            self.indices.append((-1, -1))

    def labels(self) -> list[str]:
        """A label for each image."""
        restarts = any(restart > 0 for restart, _ in self.indices)
        label = "restart {0}, step {1}" if restarts else "step {1}"
        return ["result" if step < 0 else label.format(restart, step) for restart, step in self.indices]


def film_data(
    film: Any, clean: np.ndarray, true_class: int, classes: list[str], eps: float | int, size: int, uri: Any = data_uri
) -> dict[str, Any]:
    """What `modules/film.js` takes: clean image, magnified noise and iterate with probabilities.

    Args:
        film: Has `images`, `probabilities`, `labels` and `before`, as `Film` has.
        clean: Shape (c, h, w), numbers in [0, 1].
        true_class: Of the image.
        classes: Names of the classes.
        eps: Change in pixel units that the noise picture shows as black or white.
        size: Width and height of a picture on the page, pixels.
        uri: Turns an image into an address, `data_uri` or one that remembers.
    """
    steps = np.unique(np.linspace(0, len(film.images) - 1, min(MAX_FRAMES, len(film.images))).astype(int))
    likely = np.argsort(-np.maximum(film.before, film.probabilities.max(0)), kind="stable")[:10]
    reach = max(eps, float(np.abs(film.images - clean).max()), 1 / 255)
    return {
        "clean": uri(clean),
        "frames": [uri(film.images[i]) for i in steps],
        "noises": [uri(noise(clean, film.images[i], reach)) for i in steps],
        "noiseCaption": f"noise \u00d7 {0.5 / reach:.{0 if reach <= 0.05 else 1}f}, \u00b1 {radius_text(reach)}",
        "probabilities": np.round(film.probabilities[steps], 4).tolist(),
        "labels": [film.labels[i] for i in steps],
        "before": np.round(film.before, 4).tolist(),
        "shownClasses": sorted(int(k) for k in likely),
        "classes": classes,
        "trueClass": true_class,
        "size": size,
    }


def unit(image: np.ndarray) -> np.ndarray:
    """Pixels as numbers in [0, 1], float32."""
    return image.astype(np.float32) / 255 if image.dtype == np.uint8 else image.astype(np.float32)


def noise(clean: np.ndarray, adversarial: np.ndarray, reach: float | int) -> np.ndarray:
    """The difference of two images: grey where nothing changed, black at -reach and white at +reach.

    Args:
        clean: Shape (c, h, w), uint8 or numbers in [0, 1].
        adversarial: The same shape.
        reach: Change in pixel units that becomes black or white, > 0.
    """
    return np.clip(0.5 + (unit(adversarial) - unit(clean)) / (2 * max(reach, 1e-6)), 0, 1)
