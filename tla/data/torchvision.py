"""torchvision's data sets by name."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tla.data.base import SOURCES, data_root, data_roots, find_or_fetch
from tla.data.loading.own import Parts, PictureSource, read_classes
from tla.data.loading.own_arrays import ArrayForm, images_of_dataset
from tla.messages import did_you_mean

SPLITS = {"train": ("train", "trainval"), "test": ("test", "val", "valid")}
"""Words of torchvision's argument `split`, the first that a data set knows counts."""


@SOURCES.register("torchvision")
@dataclass(frozen=True, kw_only=True)
class TorchvisionData(PictureSource):
    """A classification data set of torchvision by the name of its class: torchvision:FashionMNIST, torchvision:SVHN.

    It is searched in the folders of data sets, and downloaded if it is in none. Without a test split of its own (as
    EuroSAT) the images are divided as those of a folder are. Ids are torchvision's positions.

    Args:
        dataset: The class in torchvision.datasets.
        variant: The argument `split` of a data set that has several versions: EMNIST's "balanced".
    """

    downloaded: ClassVar[bool] = True

    dataset: str
    variant: str | None = None

    def read(self, root: Path | None, whole: bool) -> Parts:
        """The images.

        Raises:
            ValueError: if torchvision has no such data set, it is not one of classes, or pictures differ in size.
            FileNotFoundError: if it is not found and cannot be downloaded; says where it looked.
        """
        kind = _kind(self.dataset)
        classes = None if self.classes is None else read_classes(self.classes)
        images = {}
        for split, choices in _choices(kind, self.variant).items():
            data = self._open(kind, choices, root)
            form = ArrayForm(f"torchvision:{self.dataset}", self.dataset.lower(), split, None, self.channels)
            images[split] = images_of_dataset(data, classes, form, self.form)
        return Parts(images.get("train"), images.get("test"))

    def _open(self, kind: Any, choices: tuple[Mapping[str, Any], ...], root: Path | None) -> Any:
        known = _parameters(kind)
        if "root" not in known:
            return kind(**choices[0])
        found: dict[Path, Any] = {}

        def holds(folder: Path, **more: Any) -> bool:
            for choice in choices:
                try:
                    found[folder] = kind(root=str(folder), **choice, **more)
                    return True
                except (RuntimeError, FileNotFoundError):
                    return False
                except ValueError:
                    if choice is choices[-1]:
                        raise
            return False

        def fetch() -> Path:
            folder = data_root(root)
            folder.mkdir(parents=True, exist_ok=True)
            if not holds(folder, download=True):
                raise OSError("torchvision could not download it")
            return folder

        how = f"Run it once with a network connection, or put torchvision's files of {self.dataset} into one of them"
        can = fetch if "download" in known else None
        return found[find_or_fetch(f"torchvision:{self.dataset}", data_roots(root), holds, can, how)]


def _kind(name: str) -> Any:
    from torchvision import datasets

    kinds = {
        word: kind
        for word in datasets.__all__
        if inspect.isclass(kind := getattr(datasets, word)) and issubclass(kind, datasets.VisionDataset)
    }
    if name not in kinds:
        close = {word.lower(): word for word in kinds}
        hint = f"did you mean {close[name.lower()]!r}?" if name.lower() in close else did_you_mean(name, kinds)
        raise ValueError(f"torchvision has no data set {name!r}; {hint}")
    return kinds[name]


def _parameters(kind: Any) -> dict[str, inspect.Parameter]:
    """Arguments of a class, and of those it passes the rest on to."""
    found: dict[str, inspect.Parameter] = {}
    for base in inspect.getmro(kind):
        known = inspect.signature(base).parameters
        found = {**known, **found}
        if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values()):
            break
    return found


def _choices(kind: Any, variant: str | None) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """Arguments to try for each split of a data set; one that is not divided has only "train"."""
    known = _parameters(kind)
    fixed: dict[str, Any] = {}
    if "train" in known and "split" in known:
        if variant is None and known["split"].default is inspect.Parameter.empty:
            raise ValueError(
                f"torchvision:{kind.__name__} has several versions: name one with variant, as in variant=balanced"
            )
        fixed = {} if variant is None else {"split": variant}
    elif variant is not None:
        raise ValueError(f"torchvision:{kind.__name__} has no versions: leave variant away, got {variant!r}")
    if "train" in known:
        return {split: ({"train": split == "train", **fixed},) for split in SPLITS}
    if "split" in known:
        return {split: tuple({"split": word} for word in words) for split, words in SPLITS.items()}
    return {"train": ({},)}
