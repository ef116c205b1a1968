"""Arrays and datasets of one's own to images."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from tla.data.loading.arrays import images_from
from tla.data.loading.images import Images
from tla.data.loading.picture import PictureFormat, to_pixels

ArrayLayout = Literal["nchw", "nhwc"]
Channels = Literal[1, 3]
_IMAGE_KEYS, _LABEL_KEYS = ("image", "pixel_values", "img", "x"), ("label", "labels", "target", "fine_label", "y")
_GREY = (19595, 38470, 7471)
"""Weights of red, green and blue in 65,536ths (ITU-R 601), as Pillow has them."""


class ArrayForm(NamedTuple):
    """What arrays are and become.

    Attributes:
        where: Where they come from, for messages.
        name: Name of the data set.
        split: "train" or "test".
        layout: Where the channels are; None to tell from the shape.
        channels: How many there will be; None for as many as there are.
    """

    where: str
    name: str
    split: str
    layout: ArrayLayout | None = None
    channels: Channels | None = None


def images_of_arrays(x: Any, y: Any, classes: tuple[str, ...] | None, form: ArrayForm) -> Images:
    """Images from arrays; see `tla.data.images_from`.

    Args:
        x: Pixels, shape (n, c, h, w), (n, h, w, c) or (n, h, w).
        y: Class indices, shape (n,) or (n, 1).
        classes: Names of the classes; None for numbers.
        form: What they are and become.

    Raises:
        ValueError: for other shapes, types or ranges, or labels beyond the classes; says where.
    """
    try:
        if form.layout == "nhwc" and getattr(x, "ndim", 0) == 4:
            x = torch.as_tensor(x).movedim(3, 1)
        if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
            y = y.reshape(-1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            images = images_from(x, y, classes=classes, name=form.name, split=form.split)
    except (ValueError, TypeError) as error:
        hint = "; set classes to a file that names all of them" if "labels must be in" in str(error) else ""
        raise ValueError(f"{form.where}: {error}{hint}") from None
    if 0 in images.shape:
        raise ValueError(f"{form.where}: x must have images of at least one pixel, got shape {tuple(images.shape)}")
    notes = tuple(str(warning.message) for warning in caught)
    return replace(images, pixels=with_channels(images.pixels, form.channels), notes=notes)


def with_channels(pixels: UInt8[Tensor, "n c h w"], channels: int | None) -> UInt8[Tensor, "n d h w"]:
    """The same images in grey (1 channel) or RGB (3)."""
    if channels is None or pixels.shape[1] == channels:
        return pixels
    if channels == 3:
        return pixels.repeat(1, 3, 1, 1)
    weights = torch.tensor(_GREY).reshape(1, 3, 1, 1)
    parts = [(some.int() * weights).sum(1, keepdim=True) for some in pixels.split(1000)]
    return torch.cat([((part + 2**15) >> 16).to(torch.uint8) for part in parts])


def is_dataset(value: Any) -> bool:
    """True for a torch dataset, or anything else with a length and items that are not single numbers or arrays."""
    has_items = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    return has_items and not isinstance(value, Tensor | np.ndarray | tuple | list | Mapping | str)


def images_of_dataset(
    dataset: Any, classes: tuple[str, ...] | None, form: ArrayForm, pictures: PictureFormat
) -> Images:
    """Images of a dataset whose items are (image, label), or dictionaries of them.

    Args:
        dataset: Has a length and items; an image is a Pillow image, or an array in 0..1 or of bytes.
        classes: Names of the classes; by default the dataset's attribute `classes`, else numbers.
        form: What they are and become.
        pictures: The form that Pillow images are brought to.

    Raises:
        ValueError: for other items, images of different sizes, or labels that are not class indices; says where.
    """
    images, labels = [], []
    for number in range(len(dataset)):
        image, label = _pair(dataset[number], form.where, number)
        if hasattr(image, "convert"):
            try:
                image = to_pixels(image, pictures)
            except ValueError as error:
                raise ValueError(f"{form.where}: item {number}: {error}") from None
        else:
            image = _array(image, pictures, form.where, number)
        if images and image.shape[-2:] != images[0].shape[-2:]:
            sizes = f"{tuple(images[0].shape)} (item 0) and {tuple(image.shape)} (item {number})"
            raise ValueError(f"{form.where}: images must have the same size, got {sizes}; set resize")
        images.append(image)
        labels.append(_label(label, form.where, number))
    if not images:
        raise ValueError(f"{form.where} has no images")
    channels = max(len(image) for image in images)
    x = np.stack([np.repeat(image, channels, axis=0) if len(image) < channels else image for image in images])
    names = classes
    if names is None and isinstance(found := getattr(dataset, "classes", None), list | tuple) and len(found) > 1:
        names = tuple(map(str, found))
    return images_of_arrays(x, np.asarray(labels), names, form._replace(layout=None))


def _pair(item: Any, where: str, number: int) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        image = next((item[key] for key in _IMAGE_KEYS if key in item), None)
        label = next((item[key] for key in _LABEL_KEYS if key in item), None)
        if image is not None and label is not None:
            return image, label
        raise ValueError(
            f"{where}: item {number} must have an image and a label, got the keys {', '.join(map(str, item))}"
        )
    if isinstance(item, tuple | list) and len(item) >= 2:
        return item[0], item[1]
    raise ValueError(f"{where}: item {number} must be (image, label), got {type(item).__name__}")


def _array(image: Any, pictures: PictureFormat, where: str, number: int) -> np.ndarray:
    """Shape (c, h, w)."""
    array = image.detach().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3:
        raise ValueError(f"{where}: the image of item {number} must have shape (c, h, w), got {tuple(array.shape)}")
    if array.shape[0] not in (1, 3) and array.shape[2] in (1, 3):
        array = array.transpose(2, 0, 1)
    if pictures.resize is not None or pictures.crop is not None:
        raise ValueError(f"{where}: resize and crop are for pictures, but item {number} is an array; resize it there")
    return array


def _label(label: Any, where: str, number: int) -> int:
    value = np.asarray(label.cpu() if isinstance(label, Tensor) else label)
    if value.size != 1 or not np.issubdtype(value.dtype, np.integer):
        raise ValueError(f"{where}: the label of item {number} must be a class index, got {label!r}"[:300])
    return int(value.reshape(()))
