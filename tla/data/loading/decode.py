"""Picture files to bytes, in parallel and cached: the second time no picture is opened."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from tla.data.loading.cache import cached
from tla.data.loading.picture import Deep, PictureFormat, depth_of, open_picture
from tla.messages import readable

CACHED_FROM = 2000
"""With fewer files than this, decoding is fast enough without a cache."""
_MOST_NAMED = 5


class Decoded(NamedTuple):
    """Decoded pictures.

    Attributes:
        pixels: 0..255, shape (n, c, h, w).
        notes: What was decided while reading them, a sentence each.
    """

    pixels: UInt8[Tensor, "n c h w"]
    notes: tuple[str, ...] = ()


def read_pictures(files: Sequence[str], base: Path, form: PictureFormat | None = None) -> Decoded:
    """Pixels of picture files, from the user's cache if the files have not changed.

    Grey if all of them are, else RGB. Transparency becomes white, EXIF rotations are applied. Pictures of more than 8
    bits keep their upper 8; of how many is decided from the largest value of all of them, and noted.

    Args:
        files: Paths of picture files, all of one size unless the form says which.
        base: The folder that contains them.
        form: The form to bring them to.

    Raises:
        ValueError: for files that cannot be read as pictures, or pictures of different sizes; names them.
    """
    form = form or PictureFormat()
    if len(files) < CACHED_FROM:
        return decode(files, form)
    return Decoded(*cached(files, base, form, lambda: decode(files, form)))


def decode(files: Sequence[str], form: PictureFormat) -> Decoded:
    """Pixels of picture files; see `read_pictures`."""
    canvas = _Canvas(files)
    deep: dict[int, int] = {}
    with _own_size_limit(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for place, found in enumerate(pool.map(lambda file: _try(file, form, form.depth), files)):
            if isinstance(found, Deep):
                deep[place] = found.largest
            else:
                canvas.put(place, found)
        depth = depth_of(max(deep.values(), default=0))
        again = pool.map(lambda file: _try(file, form, depth), [files[place] for place in deep])
        for place, found in zip(deep, again, strict=True):
            canvas.put(place, found)
    canvas.check()
    notes = []
    if deep:
        notes.append(
            f"{len(deep):,} of {len(files):,} pictures have more than 8 bits per value, the largest value is "
            f"{max(deep.values()):,}: read as {depth} bits (depth sets another number)"
        )
    if form.channels is None and canvas.all_grey:
        notes.append("all pictures are grey but stored in colour; channels=1 reads them as grey")
    return Decoded(torch.from_numpy(canvas.pixels), tuple(notes))


class _Canvas:
    """The pixels of all pictures; grows to three channels with the first coloured one.

    Args:
        files: The picture files.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self.pixels = np.empty((0, 1, 0, 0), dtype=np.uint8)
        self.first = ""
        self.broken: list[str] = []
        self.coloured = False

    @property
    def all_grey(self) -> bool:
        """True if no picture has a colour, but they are stored in three channels."""
        return self.pixels.size > 0 and len(self.pixels[0]) == 3 and not self.coloured

    def put(self, place: int, found: np.ndarray | Deep | str) -> None:
        """Place one picture, or note why it cannot be read."""
        if not isinstance(found, np.ndarray):
            self.broken.append(str(found))
            return
        if not self.pixels.size:
            self.pixels = np.zeros((len(self.files), *found.shape), dtype=np.uint8)
            self.first = self.files[place]
        if found.shape[1:] != self.pixels.shape[2:]:
            raise ValueError(_sizes(self.first, self.pixels[0], self.files[place], found))
        if len(found) > len(self.pixels[0]):
            self.pixels = np.repeat(self.pixels, len(found), axis=1)
        self.pixels[place] = found
        if not self.coloured and len(found) == 3:
            self.coloured = bool((found != found[:1]).any())

    def check(self) -> None:
        """Raise ValueError for files that could not be read; names them."""
        if self.broken:
            more = f" and {len(self.broken) - _MOST_NAMED} more" if len(self.broken) > _MOST_NAMED else ""
            named = "; ".join(self.broken[:_MOST_NAMED])
            raise ValueError(f"cannot read as pictures: {named}{more}; remove or replace them")


@contextlib.contextmanager
def _own_size_limit() -> Iterator[None]:
    """Switch Pillow's limit off while `PictureFormat.most_pixels` is checked instead."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _try(file: str, form: PictureFormat, depth: int | None) -> np.ndarray | Deep | str:
    try:
        return open_picture(file, form, depth)
    except Exception as error:  # decoders raise anything; the user needs the file's name
        reason = "not a picture" if type(error).__name__ == "UnidentifiedImageError" else readable(str(error))
        return f"{readable(file)} ({reason})"


def _sizes(first: str, picture: np.ndarray, other: str, found: np.ndarray) -> str:
    (height, width), (tall, wide) = picture.shape[-2:], found.shape[-2:]
    sizes = f"{height} x {width} ({readable(first)}) and {tall} x {wide} ({readable(other)})"
    return f"pictures must have the same size, got {sizes}; set resize"
