"""Any folder of class folders."""

from dataclasses import dataclass, replace
from pathlib import Path

from tla.data.base import SOURCES, Source, Splits
from tla.data.loading.class_folders import class_folders, list_folder, read_listing
from tla.data.loading.images import Images
from tla.data.loading.subsets import holdout_per_class

TEST_NAMES = ("test", "val", "valid", "validation")


@SOURCES.register("folder")
@dataclass(frozen=True, kw_only=True)
class Folder(Source):
    """Your own pictures: PATH/CLASS/*.png, or PATH/train/CLASS/*.png and PATH/test/CLASS/*.png (or val).

    Pictures may be PNG, JPEG or anything Pillow reads. Ids count the first picture of each class, then the second of
    each, and so on.

    Args:
        path: The folder.
        resize: Shorter side in pixels, then cropped to the central square; needed if pictures differ in size.
        test: Share of each class held out for testing if there is no test folder, in (0, 1).
        seed: Seed of that draw.
    """

    path: str
    resize: int | None = None
    test: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.test < 1:
            raise ValueError(f"folder.test must be between 0 and 1, got {self.test}")
        if self.resize is not None and self.resize < 4:
            raise ValueError(f"folder.resize must be >= 4 pixels, got {self.resize}")
        if self.seed < 0:
            raise ValueError(f"folder.seed must be >= 0, got {self.seed}")

    def load(self, root: Path | None = None) -> Splits:
        """Both splits; a relative path that does not exist is searched under `root`.

        Raises:
            ValueError: for a single class, an unreadable file, or pictures of different sizes; names the file.
            FileNotFoundError: if there is no such folder.
        """
        folder = self._find(root)
        name = folder.resolve().name
        train = folder / "train"
        whole = not (train.is_dir() and class_folders(train))
        test = next((folder / word for word in TEST_NAMES if (folder / word).is_dir()), None)
        if whole or test is None:
            listing = list_folder(folder if whole else train)
            return self._split(read_listing(listing, name, "train", self.resize))
        listing = list_folder(train)
        images = read_listing(listing, name, "train", self.resize)
        test_images = read_listing(list_folder(test, listing.classes), name, "test", self.resize)
        return Splits(*_same_shape(images, test_images))

    def _find(self, root: Path | None) -> Path:
        folder = Path(self.path).expanduser()
        if not folder.is_dir() and root is not None and (root / folder).is_dir():
            folder = root / folder
        if not folder.is_dir():
            reason = "is a file" if folder.exists() else "does not exist"
            raise FileNotFoundError(f"{folder} {reason}: name a folder that holds one folder of pictures per class")
        return folder

    def _split(self, images: Images) -> Splits:
        try:
            kept, held_out = holdout_per_class(images, self.test, self.seed)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None
        return Splits(kept.as_split("train"), held_out.as_split("test"))


def _same_shape(train: Images, test: Images) -> tuple[Images, Images]:
    """Both splits as RGB if one of them is.

    Raises:
        ValueError: if the splits differ in size.
    """
    if train.shape[1:] != test.shape[1:]:
        sizes = f"{train.shape.height} x {train.shape.width} to train, {test.shape.height} x {test.shape.width} to test"
        raise ValueError(f"{train.name}: pictures must have the same size, got {sizes}; set resize")
    channels = max(train.shape.channels, test.shape.channels)
    return _with_channels(train, channels), _with_channels(test, channels)


def _with_channels(images: Images, channels: int) -> Images:
    if images.shape.channels == channels:
        return images
    return replace(images, pixels=images.pixels.repeat(1, channels, 1, 1))
