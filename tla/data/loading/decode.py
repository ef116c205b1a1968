"""Picture files to bytes, in parallel and cached: the second time no picture is opened."""

import errno
import hashlib
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from tla.files import replacing

if TYPE_CHECKING:
    from PIL.Image import Image

CACHED_FROM = 2000
"""With fewer files than this, decoding is fast enough without a cache."""
_VERSION = 1
_MOST_NAMED = 5


def read_pictures(files: Sequence[str], base: Path, resize: int | None = None) -> UInt8[Tensor, "n c h w"]:
    """Pixels of picture files, from the user's cache if the files have not changed.

    Grey if all of them are, else RGB. Transparency becomes white, 16 bits become 8, EXIF rotations are applied.

    Args:
        files: Paths of picture files, all of one size unless `resize` is given.
        base: The folder that contains them.
        resize: Pixels of the shorter side, then cropped to the central square.

    Raises:
        ValueError: for files that cannot be read as pictures, or pictures of different sizes; names them.
    """
    if len(files) < CACHED_FROM:
        return decode(files, resize)
    cache = _cache(files, base, resize)
    if cache.exists():
        try:
            return _load(cache)
        except Exception:  # a damaged cache is rebuilt from the pictures
            cache.unlink(missing_ok=True)
    pixels = decode(files, resize)
    try:
        with replacing(cache) as temporary:
            _save(pixels, temporary)
    except OSError as error:
        warnings.warn(f"decoded pictures are not cached: {error.strerror}", stacklevel=2)
        return pixels
    stem = cache.name.rsplit("-", 1)[0]
    for old in cache.parent.glob(f"{stem}-*.safetensors"):
        if old != cache:
            old.unlink(missing_ok=True)
    return pixels


def decode(files: Sequence[str], resize: int | None = None) -> UInt8[Tensor, "n c h w"]:
    """Pixels of picture files; see `read_pictures`."""
    pixels = np.empty((0, 1, 0, 0), dtype=np.uint8)
    first = ""
    broken: list[str] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for place, (file, found) in enumerate(zip(files, pool.map(lambda f: _try(f, resize), files), strict=True)):
            if isinstance(found, str):
                broken.append(found)
                continue
            if not pixels.size:
                pixels = np.zeros((len(files), *found.shape), dtype=np.uint8)
                first = file
            if found.shape[1:] != pixels.shape[2:]:
                raise ValueError(_sizes(first, pixels[0], file, found))
            if len(found) > len(pixels[0]):
                pixels = np.repeat(pixels, len(found), axis=1)
            pixels[place] = found
    if broken:
        more = f" and {len(broken) - _MOST_NAMED} more" if len(broken) > _MOST_NAMED else ""
        raise ValueError(f"cannot read as pictures: {'; '.join(broken[:_MOST_NAMED])}{more}; remove or replace them")
    return torch.from_numpy(pixels)


def cache_folder() -> Path:
    """Cache of decoded pictures: tla/decoded in XDG_CACHE_HOME or ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tla" / "decoded"


def _try(file: str, resize: int | None) -> np.ndarray | str:
    try:
        return _open(file, resize)
    except Exception as error:  # decoders raise anything; the user needs the file's name
        reason = "not a picture" if type(error).__name__ == "UnidentifiedImageError" else str(error)
        return f"{file} ({reason})"


def _open(file: str, resize: int | None) -> np.ndarray:
    """Pixels (1 or 3, h, w), uint8."""
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        image.load()
        picture = ImageOps.exif_transpose(image) if image.getexif().get(0x0112, 1) != 1 else image
        if picture.mode == "F":
            raise ValueError("floating-point pixels have no known range")
        if picture.mode.startswith("I"):
            picture = Image.fromarray((np.asarray(picture).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
        if picture.has_transparency_data:
            picture = _over_white(picture)
        if picture.mode not in ("L", "RGB"):
            picture = picture.convert("L" if picture.mode == "1" else "RGB")
        if resize is not None:
            picture = ImageOps.fit(picture, (resize, resize), Image.Resampling.BILINEAR)
        pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _over_white(picture: "Image") -> "Image":
    from PIL import Image

    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white.convert("L" if picture.mode in ("L", "LA", "La") else "RGB")


def _sizes(first: str, picture: np.ndarray, other: str, found: np.ndarray) -> str:
    (height, width), (tall, wide) = picture.shape[-2:], found.shape[-2:]
    sizes = f"{height} x {width} ({first}) and {tall} x {wide} ({other})"
    return f"pictures must have the same size, got {sizes}; set resize"


def _cache(files: Sequence[str], base: Path, resize: int | None) -> Path:
    """The file name contains the folder, and a hash of the names, sizes and times of the files."""
    digest = hashlib.sha256(f"{_VERSION} {resize}".encode())
    start = len(str(base))
    for file in files:
        stat = os.stat(file)  # noqa: PTH116 (50,000 of them)
        digest.update(f"{file[start:]}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    where = hashlib.sha256(f"{base.resolve()} {resize}".encode()).hexdigest()[:8]
    return cache_folder() / f"{base.resolve().name}-{where}-{digest.hexdigest()[:16]}.safetensors"


def _save(pixels: UInt8[Tensor, "n c h w"], file: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file({"pixels": pixels}, file)
    except SafetensorError as error:  # raised for a full disk
        raise OSError(errno.EIO, str(error)) from None


def _load(file: Path) -> UInt8[Tensor, "n c h w"]:
    from safetensors.torch import load_file

    return load_file(file)["pixels"]
