"""What data of one's own have in common: class names in a file, and perhaps no test split."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from tla.data.base import Source, Splits
from tla.data.loading.images import Images
from tla.data.loading.own_arrays import with_channels
from tla.data.loading.picture import PictureFormat
from tla.data.loading.subsets import holdout_per_class

_NAMED = 5


class Parts(NamedTuple):
    """The images that a source has; one of the two may be missing."""

    train: Images | None
    test: Images | None


@dataclass(frozen=True, kw_only=True)
class OwnSource(Source):
    """Data of one's own.

    Args:
        classes: Text file with the names of all classes, one per line, in the order of the model's outputs; by default
            what the data say.
        test: Share of each class held out for testing if there are no test images, in (0, 1).
        seed: Seed of that draw.
    """

    classes: str | None = None
    test: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        name = self.registry.name_of(self)
        if not 0 < self.test < 1:
            raise ValueError(f"{name}.test must be between 0 and 1, got {self.test}")
        if self.seed < 0:
            raise ValueError(f"{name}.seed must be >= 0, got {self.seed}")

    @abstractmethod
    def read(self, root: Path | None, whole: bool) -> Parts:
        """Read what there is.

        Args:
            root: Folder of data sets.
            whole: True if nothing is trained: a class may then be without images.

        Raises:
            ValueError: if the data are damaged or unusable; names the file.
            FileNotFoundError: if they are not found.
        """

    def load(self, root: Path | None = None) -> Splits:
        """Both splits; without test images a share of each class is held out.

        Raises:
            ValueError: if the data are unusable, there are only test images, or a class has too few; says which.
            FileNotFoundError: if they are not found.
        """
        train, test = self.read(root, whole=False)
        if train is None:
            raise ValueError(
                f"{_name(test)}: there are only test images, and a study that trains needs others; "
                "give it a model instead (--given), or add a training split"
            )
        if test is not None:
            train, test = _alike(train, test)
            _check_every_class(train)
            return Splits(train, with_note(test, *_absent(test)))
        try:
            kept, held_out = holdout_per_class(train, self.test, self.seed)
        except ValueError as error:
            raise ValueError(f"{train.name}: {error}") from None
        note = f"no test split: {self.test:.0%} of each class are held out as test images"
        return Splits(kept.as_split("train"), with_note(held_out.as_split("test"), note))

    def load_whole(self, root: Path | None = None) -> Splits:
        """Both splits; without a test split, or with nothing else, all images are both.

        Raises:
            ValueError: if the data are unusable; says why.
            FileNotFoundError: if they are not found.
        """
        train, test = self.read(root, whole=True)
        if train is not None and test is not None:
            train, test = _alike(train, test)
            return Splits(train, with_note(test, *_absent(test)))
        images = train if test is None else test
        if images is None:
            raise ValueError("there are no images")
        note = "no test split: all images are test images" if test is None else "there are test images alone"
        whole = with_note(images.as_split("test"), note, *_absent(images))
        return Splits(whole, whole)


@dataclass(frozen=True, kw_only=True)
class PictureSource(OwnSource):
    """Data of one's own that are pictures.

    Args:
        resize: Pixels of the shorter side; needed if pictures differ in size. Without crop the central square is taken.
        crop: Pixels of the central square that is cut out, after resizing: resize=256, crop=224 as for ImageNet.
        channels: 1 for grey, 3 for RGB; by default grey if all pictures are stored as grey, else RGB.
        depth: Bits per value of pictures with more than 8; by default what the largest value of all needs.
        most_pixels: Larger pictures are refused before they are decoded; 64 million by default.
    """

    resize: int | None = None
    crop: int | None = None
    channels: Literal[1, 3] | None = None
    depth: int | None = None
    most_pixels: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        name = self.registry.name_of(self)
        for setting in ("resize", "crop"):
            value = getattr(self, setting)
            if value is not None and value < 4:
                raise ValueError(f"{name}.{setting} must be >= 4 pixels, got {value}")
        if self.crop is not None and self.resize is not None and self.crop > self.resize:
            raise ValueError(f"{name}.crop must be <= resize = {self.resize}, got {self.crop}")
        if self.depth is not None and not 8 <= self.depth <= 32:
            raise ValueError(f"{name}.depth must be between 8 and 32 bits, got {self.depth}")
        if self.most_pixels is not None and self.most_pixels < 1:
            raise ValueError(f"{name}.most_pixels must be >= 1, got {self.most_pixels}")

    @property
    def form(self) -> PictureFormat:
        """The form that pictures are brought to."""
        form = PictureFormat(resize=self.resize, crop=self.crop, channels=self.channels, depth=self.depth)
        return form if self.most_pixels is None else replace(form, most_pixels=self.most_pixels)


def with_note(images: Images, *notes: str) -> Images:
    """The same images with more notes."""
    return replace(images, notes=(*images.notes, *notes))


def find_file(path: str, root: Path | None, kind: str) -> Path:
    """A file of one's own; a relative path that does not exist is searched under `root`.

    Args:
        path: As the user wrote it.
        root: Folder of data sets.
        kind: What it should be, for messages: "a CSV file".

    Raises:
        FileNotFoundError: if there is no such file.
    """
    file = Path(path).expanduser()
    if not file.is_file() and root is not None and (root / file).is_file():
        file = root / file
    if not file.is_file():
        raise FileNotFoundError(f"{file} {'is a folder' if file.is_dir() else 'does not exist'}: name {kind}")
    return file


def read_classes(path: str, root: Path | None = None) -> tuple[str, ...]:
    """Class names from a text file, one per line.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for fewer than two names, or a name that occurs twice.
    """
    file = find_file(path, root, "a text file with one class name per line")
    try:
        names = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: class names must be UTF-8 text ({error.reason})") from None
    if len(names) < 2:
        raise ValueError(f"{file} must name at least two classes, one per line, got {len(names)}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{file}: class names must be different, got {twice!r} twice")
    return tuple(names)


def named_classes(classes: str | None, root: Path | None = None) -> list[Path]:
    """The text file of class names, if one is set and there: its change is a change of the data."""
    if classes is None:
        return []
    try:
        return [find_file(classes, root, "a text file with one class name per line")]
    except OSError:
        return []


def listed(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _alike(train: Images, test: Images) -> Splits:
    """Both splits with the same classes, and as RGB if one of them is.

    Raises:
        ValueError: if they differ in classes or in size.
    """
    longer = max(train.classes, test.classes, key=len)
    for images in (train, test):
        if images.classes != longer[: len(images.classes)]:
            raise ValueError(
                f"{images.name}: training and test images must have the same classes, got {listed(train.classes)} and "
                f"{listed(test.classes)}"
            )
    if train.shape[1:] != test.shape[1:]:
        sizes = f"{train.shape.height} x {train.shape.width} to train, {test.shape.height} x {test.shape.width} to test"
        raise ValueError(f"{train.name}: images must have the same size, got {sizes}")
    channels = max(train.shape.channels, test.shape.channels)
    parts = (replace(images, classes=longer, pixels=with_channels(images.pixels, channels)) for images in (train, test))
    return Splits(*parts)


def _check_every_class(train: Images) -> None:
    counts = torch.bincount(train.labels, minlength=len(train.classes))
    missing = [name for name, count in zip(train.classes, counts.tolist(), strict=True) if not count]
    if missing:
        raise ValueError(
            f"{train.name}: training needs images of every class, got none of {listed(missing)} "
            f"({len(missing)} of {len(train.classes)} classes)"
        )


def _absent(images: Images) -> tuple[str, ...]:
    counts = torch.bincount(images.labels, minlength=len(images.classes))
    names = [name for name, count in zip(images.classes, counts.tolist(), strict=True) if not count]
    return (f"no test images of {listed(names)} ({len(names)} of {len(images.classes)} classes)",) if names else ()


def _name(images: Images | None) -> str:
    return "the data" if images is None else images.name
