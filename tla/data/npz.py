"""Arrays in a NumPy file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tla.data.base import SOURCES, fingerprint_of
from tla.data.loading.own import OwnSource, Parts, find_file, named_classes, read_classes
from tla.data.loading.own_arrays import ArrayForm, ArrayLayout, Channels, images_of_arrays
from tla.formats import read_npz
from tla.messages import readable

PAIRS = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("X_train", "y_train")),
    "test": (
        ("x_test", "y_test"), ("test_images", "test_labels"), ("X_test", "y_test"),
        ("x_val", "y_val"), ("val_images", "val_labels"), ("X_val", "y_val"),
    ),
    "all": (("x", "y"), ("X", "y"), ("images", "labels"), ("data", "labels"), ("data", "target")),
}  # fmt: skip
"""Names of images and labels in the file, the first pair that is there counts."""


@SOURCES.register("npz")
@dataclass(frozen=True, kw_only=True)
class NPZ(OwnSource):
    """Your own arrays: a .npz file with x_train, y_train, x_test and y_test; or x and y; or x_test and y_test alone.

    train_images, train_labels and the like are understood too. Images are uint8 in 0..255 or floats in 0..1, of shape
    (n, c, h, w), (n, h, w, c) or (n, h, w), c is 1 or 3; labels are class indices. The file's classes, if it has an
    array of that name, are its names. Nothing is unpickled. Ids are positions in the arrays.

    Args:
        path: The file.
        layout: Where the channels are: nchw or nhwc; by default where 1 or 3 of them are.
        channels: 1 for grey, 3 for RGB; by default what the file has.
    """

    path: str
    layout: ArrayLayout | None = None
    channels: Channels | None = None

    def read(self, root: Path | None, whole: bool) -> Parts:
        """The images; a relative path that does not exist is searched under `root`.

        Raises:
            ValueError: for arrays of other names, shapes, types or ranges; names them.
            FileNotFoundError: if there is no such file.
        """
        file = find_file(self.path, root, "a .npz file of images and labels")
        arrays = read_npz(file)
        found = {split: _pair(file, arrays, split) for split in PAIRS}
        if not any(found.values()):
            names = ", ".join(arrays) or "nothing"
            raise ValueError(f"{file} must hold x and y, or x_train, y_train, x_test and y_test, got {names}")
        if found["train"] is not None or found["test"] is not None:
            del found["all"]
        classes = self._classes(file, arrays)
        images = {}
        for split, pair in found.items():
            if pair is not None:
                where = f"{file}: {pair[0]} and {pair[1]}"
                x, y = (arrays[name] for name in pair)
                form = ArrayForm(where, readable(file.stem), split.replace("all", "train"), self.layout, self.channels)
                images[split] = images_of_arrays(x, y, classes, form)
        return Parts(images.get("train", images.get("all")), images.get("test"))

    def listing(self, root: Path | None = None) -> str | None:
        """Name, size and time of the file and of the one that names the classes; None if it is not there."""
        try:
            file = find_file(self.path, root, "a .npz file of images and labels")
        except OSError:
            return None
        return fingerprint_of(file, *named_classes(self.classes, file.parent))

    def _classes(self, file: Path, arrays: dict[str, np.ndarray]) -> tuple[str, ...] | None:
        """Names of the classes; None if only the labels can tell."""
        if self.classes is not None:
            return read_classes(self.classes, file.parent)
        if "classes" in arrays:
            return tuple(map(str, arrays["classes"].reshape(-1).tolist()))
        return None


def _pair(file: Path, arrays: dict[str, np.ndarray], split: str) -> tuple[str, str] | None:
    """Names of the images and labels of a split; None if it has none.

    Raises:
        ValueError: for images without labels.
    """
    for images, labels in PAIRS[split]:
        if images in arrays and labels in arrays:
            return images, labels
    alone = next(((images, labels) for images, labels in PAIRS[split] if images in arrays), None)
    if alone is not None:
        raise ValueError(f"{file} has {alone[0]} without its labels, {alone[1]}; it has {', '.join(arrays)}")
    return None
