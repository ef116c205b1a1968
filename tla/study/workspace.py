"""What every step of a study works with: the study, its folder, and things computed once."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch

from tla.config import digest
from tla.data import Images, Splits
from tla.models import Classifier
from tla.seeding import derive
from tla.store import Store
from tla.study.config import Study


class Trained(NamedTuple):
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


class Written(NamedTuple):
    """What a step leaves behind.

    Attributes:
        files: Paths relative to the study folder.
        message: One line for whoever watches.
        facts: What the manifest shall remember.
    """

    files: list[str]
    message: str = ""
    facts: dict[str, object] = {}  # noqa: RUF012  (a NamedTuple's default is never changed)


Tell = Callable[[float, str], None]


@dataclass(frozen=True)
class StudyStep:
    """One step: done again only when its inputs' fingerprint changes.

    Args:
        name: "train/tla-seed0".
        digest: Fingerprint of everything the step depends on.
        weight: Expected share of the whole study, any unit.
        run: Does the work; is told how to report progress.
    """

    name: str
    digest: str
    weight: float
    run: Callable[[Tell], Written]


@dataclass
class Workspace:
    """The work bench of one run.

    Args:
        study: What is to be done.
        store: Where it is kept.
        data_root: Folder of data sets, or none for the default.
    """

    study: Study
    store: Store
    data_root: Path | None = None
    _models: dict[str, Classifier] = field(default_factory=dict)

    @cached_property
    def device(self) -> torch.device:
        """The first GPU where there is one, else the CPU."""
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def splits(self) -> Splits:
        """The data set, loaded once."""
        return self.study.source.load(self.data_root)

    @cached_property
    def queries(self) -> Images:
        """The test images that are attacked: all, or a seeded random choice, in the order of their ids."""
        return self._choice(self.splits.test, self.study.attack.examples, "queries")

    @cached_property
    def gallery(self) -> Images:
        """The natural training images that retrieval, detectors and centroids know."""
        return self._choice(self.splits.train, self.study.analysis.gallery, "gallery")

    @cached_property
    def training_digest(self) -> str:
        """Fingerprint of the training images: settings and pixels."""
        return digest([self.study.source, _pixel_sum(self.splits.train)])

    @cached_property
    def data_digest(self) -> str:
        """Fingerprint of what is attacked and searched: settings, pixels, and how many of them."""
        test = _pixel_sum(self.splits.test)
        return digest([self.training_digest, test, self.study.attack.examples, self.study.analysis.gallery])

    def model(self, trained: Trained) -> Classifier:
        """A trained model of the study, in eval mode, on the device."""
        from tla.training import load_model

        if trained.key not in self._models:
            model = load_model(self.store.path / self.model_file(trained)).model
            self._models[trained.key] = model.to(self.device).eval()
        return self._models[trained.key]

    @staticmethod
    def model_file(trained: Trained) -> str:
        """Path of a model's weights, relative to the study folder."""
        return f"models/{trained.key}/model.safetensors"

    def seed(self, trained: Trained, *purpose: str | int) -> int:
        """A seed for one purpose of one model."""
        return derive(trained.seed, trained.method, *purpose)

    @staticmethod
    def _choice(images: Images, count: int, purpose: str) -> Images:
        if count >= len(images):
            return images
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(derive(0, purpose)))
        return images.subset(order[:count].sort().values)


def _pixel_sum(images: Images) -> str:
    pixels = hashlib.sha256(images.pixels.numpy().tobytes())
    pixels.update(images.labels.numpy().tobytes())
    return pixels.hexdigest()
