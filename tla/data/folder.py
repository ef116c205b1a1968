"""Any folder of class folders."""

from dataclasses import dataclass, replace
from pathlib import Path

from tla.data.base import SOURCES, Source, Splits
from tla.data.loading.class_folders import class_folders, list_folder, read_listing
from tla.data.loading.images import Images
from tla.data.loading.subsets import part_classes

TEST_NAMES = ("test", "val", "valid", "validation")


@SOURCES.register("folder")
@dataclass(frozen=True, kw_only=True)
class Folder(Source):
    """Your own pictures: PATH/CLASS/*.png, or PATH/train/CLASS/*.png and PATH/test/CLASS/*.png (or val).

    Pictures may be PNG, JPEG or whatever Pillow reads. Ids count the first picture of each class, then the second of
    each, and so on.

    Args:
        path: The folder.
        resize: Shorter side in pixels, cut to the middle square; needed where pictures differ in size.
        test: Share of each class that is kept for testing where there is no test folder, in (0, 1).
        seed: Seed of that draw.
    """

    path: str
    resize: int | None = None
    test: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.test < 1:
            raise ValueError(f"folder.test must lie between 0 and 1, got {self.test}")
        if self.resize is not None and self.resize < 4:
            raise ValueError(f"folder.resize must be >= 4 pixels, got {self.resize}")
        if self.seed < 0:
            raise ValueError(f"folder.seed must be >= 0, got {self.seed}")

    def load(self, root: Path | None = None) -> Splits:
        """Both splits; a relative path that is not there is looked for under `root`.

        Raises:
            ValueError: for one class only, an unreadable file, or pictures of different sizes; names the file.
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
        seen = list_folder(train)
        images = read_listing(seen, name, "train", self.resize)
        unseen = read_listing(list_folder(test, seen.classes), name, "test", self.resize)
        return Splits(*_same_shape(images, unseen))

    def _find(self, root: Path | None) -> Path:
        folder = Path(self.path).expanduser()
        if not folder.is_dir() and root is not None and (root / folder).is_dir():
            folder = root / folder
        if not folder.is_dir():
            kind = "is a file" if folder.exists() else "is not there"
            raise FileNotFoundError(f"the folder {folder} {kind}: name one that holds a folder of pictures per class")
        return folder

    def _split(self, images: Images) -> Splits:
        try:
            kept, held_out = part_classes(images, self.test, self.seed)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None
        return Splits(kept.as_split("train"), held_out.as_split("test"))


def _same_shape(train: Images, test: Images) -> tuple[Images, Images]:
    """Grey images beside coloured ones become coloured.

    Raises:
        ValueError: if the splits differ in size.
    """
    if train.shape[1:] != test.shape[1:]:
        sizes = f"{train.shape.height} x {train.shape.width} to train, {test.shape.height} x {test.shape.width} to test"
        raise ValueError(f"{train.name}: pictures must be of one size, got {sizes}; set resize")
    channels = max(train.shape.channels, test.shape.channels)
    return _coloured(train, channels), _coloured(test, channels)


def _coloured(images: Images, channels: int) -> Images:
    if images.shape.channels == channels:
        return images
    return replace(images, pixels=images.pixels.repeat(1, channels, 1, 1))
