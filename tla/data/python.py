"""What a function of your own returns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tla.data.base import SOURCES, Splits
from tla.data.loading.images import Images
from tla.data.loading.own import Parts, PictureSource, read_classes
from tla.data.loading.own_arrays import (
    ArrayForm,
    ArrayLayout,
    images_of_arrays,
    images_of_dataset,
    is_dataset,
)
from tla.named_code import call_named

_FORMS = "a torch Dataset, a pair (x, y) or tla.Images; two of them, (train, test), or tla.data.Splits"


@SOURCES.register("python")
@dataclass(frozen=True, kw_only=True)
class PythonData(PictureSource):
    """Your own function: mypkg.data:make or PATH/file.py:make, called without arguments.

    It returns a torch Dataset of (image, label), arrays (x, y) or `tla.Images`; or two of them, (train, test). Images
    are Pillow images, bytes, or floats in 0..1 before any normalisation. Loading runs that code.

    Args:
        function: The function.
        layout: Where the channels of arrays are: nchw or nhwc; by default where 1 or 3 of them are.
    """

    function: str
    layout: ArrayLayout | None = None

    def read(self, root: Path | None, whole: bool) -> Parts:
        """Call the function and read what it returns; `root` is not used.

        Raises:
            ValueError: if there is no such function, or for what it returns; says what came.
        """
        value = call_named(self.function)
        if isinstance(value, Splits):
            return Parts(None if value.shared else value.train, value.test)
        if _is_pair(value):
            names = self._names()
            return Parts(self._images(value[0], "train", names), self._images(value[1], "test", names))
        return Parts(self._images(value, "train", self._names()), None)

    def _names(self) -> tuple[str, ...] | None:
        return None if self.classes is None else read_classes(self.classes)

    def _images(self, value: Any, split: str, classes: tuple[str, ...] | None) -> Images:
        where = f"{self.function}()"
        if isinstance(value, Images):
            return value.as_split(split)
        form = ArrayForm(where, self.function.rpartition(":")[2], split, self.layout, self.channels)
        if is_dataset(value):
            return images_of_dataset(value, classes, form, self.form)
        if isinstance(value, tuple | list) and len(value) == 2:
            return images_of_arrays(value[0], value[1], classes, form)
        raise ValueError(f"{where} must return {_FORMS}, got {type(value).__name__}")


def _is_pair(value: Any) -> bool:
    """True for (train, test), False for (x, y)."""
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(isinstance(part, tuple | list | Images) or is_dataset(part) for part in value)
        and not all(isinstance(part, list) for part in value)
    )
