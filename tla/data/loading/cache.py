"""Decoded pictures on disk: one file for each folder and form, with a checksum of its content."""

import errno
import hashlib
import json
import os
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxtyping import UInt8
from torch import Tensor

from tla.data.loading.picture import PictureFormat
from tla.files import replacing
from tla.machine import home_cache
from tla.messages import readable

_VERSION = 2


class CachedPictures(NamedTuple):
    """What the cache keeps; see `tla.data.loading.decode.Decoded`."""

    pixels: UInt8[Tensor, "n c h w"]
    notes: tuple[str, ...]


def cached(
    files: Sequence[str], base: Path, form: PictureFormat, decode: Callable[[], tuple[Tensor, tuple[str, ...]]]
) -> CachedPictures:
    """Pictures from the cache; decoded and stored if it does not have them, or if they are not as they were written.

    Args:
        files: Paths of the picture files.
        base: The folder that contains them.
        form: The form they are brought to.
        decode: Decodes them.
    """
    cache = _file(files, base, form)
    if cache.exists():
        try:
            return _load(cache)
        except Exception:  # a damaged cache is rebuilt from the pictures
            cache.unlink(missing_ok=True)
    decoded = CachedPictures(*decode())
    try:
        with replacing(cache) as temporary:
            _save(decoded, temporary)
    except OSError as error:
        warnings.warn(f"decoded pictures are not cached: {error.strerror}", stacklevel=3)
        return decoded
    stem = cache.name.rsplit("-", 1)[0]
    for old in cache.parent.glob(f"{stem}-*.safetensors"):
        if old != cache:
            old.unlink(missing_ok=True)
    return decoded


def cache_folder() -> Path:
    """Cache of decoded pictures: tla/decoded in XDG_CACHE_HOME or ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else home_cache()) / "tla" / "decoded"


def _file(files: Sequence[str], base: Path, form: PictureFormat) -> Path:
    """The file name contains the folder, and a hash of the names, sizes and times of the files."""
    digest = hashlib.sha256(f"{_VERSION} {form}".encode())
    start = len(str(base))
    for file in files:
        stat = os.stat(file)  # noqa: PTH116 (50,000 of them)
        digest.update(os.fsencode(file[start:]) + f"|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    folder = base.resolve()
    where = hashlib.sha256(os.fsencode(folder) + f" {form}".encode()).hexdigest()[:8]
    return cache_folder() / f"{readable(folder.name)}-{where}-{digest.hexdigest()[:16]}.safetensors"


def _save(decoded: CachedPictures, file: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    facts = {"crc32": _checksum(decoded.pixels), "notes": json.dumps(decoded.notes)}
    try:
        save_file({"pixels": decoded.pixels}, file, facts)
    except SafetensorError as error:  # raised for a full disk
        raise OSError(errno.EIO, str(error)) from None


def _load(file: Path) -> CachedPictures:
    """Raises ValueError if the pixels are not those that were written."""
    from safetensors import safe_open

    with safe_open(file, "pt") as content:  # pyright: ignore[reportGeneralTypeIssues]
        pixels, facts = content.get_tensor("pixels"), content.metadata() or {}
    if facts.get("crc32") != _checksum(pixels):
        raise ValueError(f"{file}: the checksum does not match the pixels")
    return CachedPictures(pixels, tuple(json.loads(facts["notes"])))


def _checksum(pixels: Tensor) -> str:
    return f"{zlib.crc32(f'{tuple(pixels.shape)}'.encode(), zlib.crc32(pixels.numpy().reshape(-1).data)):08x}"
