"""What every step of a study needs: the study, its folder, and data and models loaded once."""

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch

from tla.config import digest
from tla.data import Images, Splits, holdout
from tla.devices import choose_device
from tla.models import GivenModel, Start
from tla.seeding import derive
from tla.store import Store
from tla.study.config import Study
from tla.types import Model

BATCH_VALUES = 3_200_000
"""Pixel values in one pass: 21 images of 3 x 224 x 224, whose activations in a ResNet-18 take about 1 GB."""

LONG_VALUES = 3_000_000
"""Pixel values of the images on which an attack runs all its steps: 19 images of 3 x 224 x 224, 976 of CIFAR-10."""


def at_a_time(count: int, shape: Sequence[int]) -> int:
    """How many images go through a model at a time: `count`, or fewer large ones, so that memory stays bounded.

    Args:
        count: At most this many.
        shape: Of one image, (channels, height, width).
    """
    return max(1, min(count, BATCH_VALUES // math.prod(shape)))


class TrainedModel(NamedTuple):
    """One model of the study.

    Attributes:
        method: Name of the method.
        seed: The seed it was trained with.
    """

    method: str
    seed: int

    @property
    def key(self) -> str:
        """The model's name in files and steps: "tla-seed0"."""
        return f"{self.method}-seed{self.seed}"


class StepResult(NamedTuple):
    """What a step produced.

    Attributes:
        files: Paths relative to the study folder.
        message: One line for the progress display.
        facts: More for the step's entry in the manifest; "seconds" if earlier runs did a part of the work.
    """

    files: list[str]
    message: str = ""
    facts: dict[str, Any] = {}  # noqa: RUF012  (a NamedTuple's default is never changed)


@runtime_checkable
class Report(Protocol):
    """Reports a step's progress: finished share 0..1, what is happening, whether an earlier run got as far."""

    def __call__(self, share: float, message: str, *, resumed: bool = False) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class StudyStep:
    """One step of a study; runs again only when the fingerprint of its inputs changes.

    Args:
        name: "train/tla-seed0".
        digest: Fingerprint of everything the step depends on.
        weight: Expected share of the whole study, in any unit.
        run: Does the work; gets a function to report progress with.
        after: Names of the steps that must be finished first; only those that run apart need them said.
        apart: Whether a worker can run it: it writes files of its own and nothing else.
    """

    name: str
    digest: str
    weight: float
    run: Callable[[Report], StepResult]
    after: tuple[str, ...] = ()
    apart: bool = False

    def on_worker(self, *after: "StudyStep") -> "StudyStep":
        """The same step, which a worker may run once some others are finished."""
        return replace(self, apart=True, after=tuple(step.name for step in after))

    def last(self, *after: "StudyStep") -> "StudyStep":
        """The same step, which the coordinator runs once some others are finished."""
        return replace(self, after=tuple(step.name for step in after))


@dataclass
class Workspace:
    """The shared state of one run.

    Args:
        study: The study.
        store: Its folder.
        data_root: Folder of data sets; None for the default.
        images: The images, if they are not the study's source's but come from Python.
        networks: The given models that come from Python, by name; the others are loaded as the study says.
    """

    study: Study
    store: Store
    data_root: Path | None = None
    images: Splits | None = None
    networks: Mapping[str, Model] = field(default_factory=dict)
    _models: dict[str, Model] = field(default_factory=dict)
    asked: Study = field(init=False)
    """The study as it was given, where a step size may be a share of eps; `study` has them in pixel units."""

    def __post_init__(self) -> None:
        self.asked, self.study = self.study, self.study.resolved()

    @cached_property
    def device(self) -> torch.device:
        """See `tla.devices.choose_device`."""
        return choose_device()

    @cached_property
    def splits(self) -> Splits:
        """The data set, loaded once; all of it is for testing where nothing is trained and it has no test split."""
        source = self.study.source
        if self.images is not None:
            return self.images
        return source.load(self.data_root) if self.study.methods else source.load_whole(self.data_root)

    @property
    def batch(self) -> int:
        """Images attacked at a time: the plan's number, or fewer large ones."""
        return self.at_most(self.study.attack.batch)

    def at_most(self, count: int) -> int:
        """How many images go through a model at a time; see `at_a_time`."""
        return at_a_time(count, self.splits.test.shape)

    def few(self, count: int, share: float = 1.0) -> int:
        """How many images go through an attack that never stops early: `count`, or fewer large ones.

        The adaptive attacks, the attacks on rankings and the trajectories run every step on every image, and an audit
        attacks everything again, which at 224 pixels would take most of a study's time. The number depends on the size
        of the images alone.

        Args:
            count: How many there are.
            share: Of `LONG_VALUES`.
        """
        return max(1, min(count, int(share * LONG_VALUES) // math.prod(self.splits.test.shape)))

    @cached_property
    def queries(self) -> Images:
        """The test images that are attacked: all, or a seeded random choice, in the order of their ids."""
        return self._choice(self.splits.test, self.study.attack.examples, "queries")

    @cached_property
    def gallery(self) -> Images:
        """The natural training images behind retrieval, detectors and centroids.

        Where there are only test images they are the gallery too, as many of each class as it has room for.
        """
        images, count = self.splits.train, self.study.analysis.gallery
        if self.splits.shared and count < len(images):
            return holdout(images, count, derive(0, "gallery")).held_out
        return self._choice(images, count, "gallery")

    @cached_property
    def training_digest(self) -> str:
        """Fingerprint of the training images: settings and pixels."""
        return digest([self.study.source, _pixel_sum(self.splits.train)])

    @cached_property
    def data_digest(self) -> str:
        """Fingerprint of the attacked images and the gallery: settings, pixels and counts."""
        test = _pixel_sum(self.splits.test)
        return digest([self.training_digest, test, self.study.attack.examples, self.study.analysis.gallery])

    @cached_property
    def start(self) -> Start | None:
        """The network and weights that every method trains further; None if they train a backbone from scratch.

        Raises:
            ValueError: if the network is not found, does not fit the images or cannot be trained.
        """
        from tla.study.find_model import find_start

        for name, given in self.study.start.items():
            shape, classes = self.splits.train.shape, len(self.splits.train.classes)
            with _named(f"start.{name}"):
                return find_start(given, shape=shape, classes=classes, module=self.networks.get(name))
        return None

    @cached_property
    def given(self) -> dict[str, GivenModel]:
        """The models that are compared without being trained: the start, if it is, and the given ones."""
        compared = self.start is not None and self.start.compared and self.study.before
        return {**(self.study.start if compared else {}), **self.study.given}

    @property
    def models(self) -> list[TrainedModel]:
        """Every model: the trained ones, then those that were given, which count as of the first seed."""
        given = ((name, self.study.seeds[0]) for name in self.given)
        return [TrainedModel(*pair) for pair in (*self.study.trained, *given)]

    def model(self, trained: TrainedModel) -> Model:
        """A model of the study, trained or given, in eval mode, on the device.

        Raises:
            ValueError: if a given model is not found or does not fit the data.
        """
        if trained.key not in self._models:
            found = self._given(trained.method) if trained.method in self.given else self._trained(trained)
            self._models[trained.key] = found.to(self.device).eval()
        return self._models[trained.key]

    def _trained(self, trained: TrainedModel) -> Model:
        from tla.training import load_model

        return load_model(self.store.check(self.model_file(trained)), self.start).model

    def _given(self, name: str) -> Model:
        from tla.study.find_model import find_model

        if name in self.study.start and self.start is not None:
            return self.start.fresh()
        given, shape, classes = self.study.given[name], self.splits.test.shape, len(self.splits.test.classes)
        network = self.networks.get(name)
        with _named(f"given.{name}"):
            if network is not None:
                return given.adapt(network, shape, classes)
            return find_model(given, shape=shape, classes=classes).model

    @staticmethod
    def model_file(trained: TrainedModel) -> str:
        """Path of a model's weights, relative to the study folder."""
        return f"models/{trained.key}/model.safetensors"

    def seed(self, trained: TrainedModel, *purpose: str | int) -> int:
        """A seed for one purpose of one model."""
        return derive(trained.seed, trained.method, *purpose)

    @staticmethod
    def _choice(images: Images, count: int, purpose: str) -> Images:
        if count >= len(images):
            return images
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(derive(0, purpose)))
        return images.subset(order[:count].sort().values)


@contextlib.contextmanager
def _named(where: str) -> Iterator[None]:
    """Put the setting's name before what is wrong with it."""
    try:
        yield
    except (ValueError, OSError, ModuleNotFoundError) as error:
        raise type(error)(f"{where}: {error}") from None


def _pixel_sum(images: Images) -> str:
    pixels = hashlib.sha256(images.pixels.numpy().tobytes())
    pixels.update(images.labels.numpy().tobytes())
    return pixels.hexdigest()
