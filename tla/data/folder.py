"""Any folder of class folders."""

from dataclasses import dataclass
from pathlib import Path

from tla.data.base import SOURCES, fingerprint_of
from tla.data.loading.class_folders import list_folder, read_listings
from tla.data.loading.own import Parts, PictureSource, named_classes, read_classes, with_note
from tla.data.loading.split_folders import SplitFolders, find_splits
from tla.messages import readable


@SOURCES.register("folder")
@dataclass(frozen=True, kw_only=True)
class Folder(PictureSource):
    """Your own pictures: PATH/CLASS/*.png, or PATH/train/CLASS/*.png and PATH/test/CLASS/*.png (or val).

    Pictures may be PNG, JPEG or anything Pillow reads. Split folders are known by their names in any case: train,
    training; test, testing, val, valid, validation, eval, evaluation. Ids count the first picture of each class, then
    the second of each, and so on.

    Args:
        path: The folder.
        splits: False if folders called train, test and the like are classes; by default they are splits.
    """

    path: str
    splits: bool | None = None

    def read(self, root: Path | None, whole: bool) -> Parts:
        """The pictures; a relative path that does not exist is searched under `root`.

        Raises:
            ValueError: for a single class, an unreadable file, pictures of different sizes, or folders that look like
                splits but cannot be read as such; names them.
            FileNotFoundError: if there is no such folder.
        """
        folder = self._find(root)
        found = SplitFolders(folder, None) if self.splits is False else find_splits(folder)
        classes = None if self.classes is None else read_classes(self.classes, folder)
        listings = {}
        if found.train is not None:
            listings["train"] = list_folder(found.train, classes, empty=whole)
            classes = listings["train"].classes
        if found.test is not None:
            listings["test"] = list_folder(found.test, classes, empty=True)
        name = readable(folder.resolve().name)
        read = read_listings(tuple(listings.values()), tuple(listings), folder, name, self.form)
        images = {split: with_note(part, *found.notes) for split, part in zip(listings, read, strict=True)}
        return Parts(images.get("train"), images.get("test"))

    def listing(self, root: Path | None = None) -> str | None:
        """Names, sizes and times of all its files; None if there is no such folder."""
        try:
            folder = self._find(root)
        except OSError:
            return None
        return fingerprint_of(folder, *named_classes(self.classes, folder))

    def _find(self, root: Path | None) -> Path:
        folder = Path(self.path).expanduser()
        if not folder.is_dir() and root is not None and (root / folder).is_dir():
            folder = root / folder
        if not folder.is_dir():
            reason = "is a file" if folder.exists() else "does not exist"
            raise FileNotFoundError(f"{folder} {reason}: name a folder that holds one folder of pictures per class")
        return folder
