"""One picture file to bytes, whatever its kind: orientation, transparency, palettes, CMYK, more than 8 bits."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from jaxtyping import UInt8

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 0x0112
"""The EXIF tag that says how a picture is turned."""


@dataclass(frozen=True, kw_only=True)
class PictureFormat:
    """How pictures are brought to one form.

    Args:
        resize: Pixels of the shorter side. Without `crop` the central square is then taken.
        crop: Pixels of the central square that is cut out, after resizing.
        channels: 1 for grey, 3 for RGB; by default grey if all pictures are, else RGB.
        depth: Bits per value of pictures with more than 8; by default what the largest value of all needs.
        most_pixels: Larger pictures are refused before they are decoded.
    """

    resize: int | None = None
    crop: int | None = None
    channels: Literal[1, 3] | None = None
    depth: int | None = None
    most_pixels: int = 64_000_000


class Deep(NamedTuple):
    """A picture with more than 8 bits per value, to be read again once the depth of all is known.

    Attributes:
        largest: Its largest value.
    """

    largest: int


def read_picture(file: str | bytes, form: PictureFormat) -> UInt8[np.ndarray, "c h w"]:
    """Pixels of one picture; of more than 8 bits it keeps the upper 8 of as many as its largest value needs.

    Args:
        file: A path, or the content of a file.
        form: The form to bring it to.

    Raises:
        ValueError: for too many pixels, floats, or a picture smaller than `crop`.
        OSError: for what is not a picture.
    """
    found = open_picture(file, form, form.depth)
    if isinstance(found, Deep):
        found = open_picture(file, form, depth_of(found.largest))
    assert not isinstance(found, Deep)  # the depth is known now
    return found


def open_picture(file: str | bytes, form: PictureFormat, depth: int | None) -> UInt8[np.ndarray, "c h w"] | Deep:
    """Pixels of a picture file, 1 or 3 channels.

    Args:
        file: A path, or the content of a file: anything Pillow reads.
        form: The form to bring it to.
        depth: Bits per value of a picture with more than 8; None if not known yet.

    Raises:
        ValueError: for too many pixels, floats, values beyond the depth, or a picture smaller than `crop`.
        OSError: for a file that is not a picture.
    """
    from PIL import Image

    with Image.open(_source(file)) as image:
        width, height = image.size
        if width * height > form.most_pixels:
            raise ValueError(
                f"{width:,} x {height:,} pixels, more than the limit of {form.most_pixels:,}; "
                "shrink it or raise most_pixels"
            )
        values = _deep_values(image, file)
        if values is None:
            image.load()
            return to_pixels(image, form)
        if depth is None:
            return Deep(int(values.colour.max()))
        picture = Image.fromarray(values.eight_bits(depth))
        turn = image.getexif().get(ORIENTATION, 1)
        if turn != 1:
            picture.getexif()[ORIENTATION] = turn
        return to_pixels(picture, form)


def to_pixels(image: "Image", form: PictureFormat) -> UInt8[np.ndarray, "c h w"]:
    """Pixels of a decoded picture; transparency becomes white, EXIF rotations are applied.

    Raises:
        ValueError: for floats, or a picture smaller than `crop`.
    """
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if picture.mode.startswith("I"):
        picture = Image.fromarray(_Values(np.asarray(picture), None).eight_bits(form.depth or 16))
    if picture.has_transparency_data:
        picture = _over_white(picture)
    if picture.mode not in ("L", "RGB"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    if form.channels is not None:
        picture = picture.convert("L" if form.channels == 1 else "RGB")
    pixels = np.asarray(_sized(picture, form))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def fitted(pixels: UInt8[np.ndarray, "c h w"], height: int, width: int) -> UInt8[np.ndarray, "c height width"]:
    """A picture cropped to another shape from its middle and resized, as `PictureFormat.resize` does for squares."""
    from PIL import Image

    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    done = np.asarray(_fit(picture, width, height))
    return done[None] if done.ndim == 2 else done.transpose(2, 0, 1)


def depth_of(largest: int) -> int:
    """Bits per value that pictures with this largest value were taken with: 8, 10, 12, 14, 16 or more."""
    return next((bits for bits in (8, 10, 12, 14, 16) if largest < 2**bits), largest.bit_length())


class _Values(NamedTuple):
    """Whole numbers of more than 8 bits.

    Attributes:
        colour: Shape (h, w) or (h, w, 3).
        alpha: 16 bits whatever the depth of the colours, shape (h, w); None for an opaque picture.
    """

    colour: np.ndarray
    alpha: np.ndarray | None

    def eight_bits(self, depth: int) -> UInt8[np.ndarray, "h w ..."]:
        """The upper 8 of `depth` bits."""
        colour = self.colour.astype(np.int64)
        if int(colour.max()) >= 2**depth:
            raise ValueError(f"has the value {int(colour.max()):,}, which {depth} bits cannot hold; set depth")
        upper = (colour >> max(0, depth - 8)).clip(0, 255).astype(np.uint8)
        return upper if self.alpha is None else np.dstack([upper, (self.alpha >> 8).astype(np.uint8)])


def _source(file: str | bytes) -> str | io.BytesIO:
    return io.BytesIO(file) if isinstance(file, bytes) else file


def _deep_values(image: "Image", file: str | bytes) -> _Values | None:
    """Values of a picture with more than 8 bits; None for any other."""
    from PIL import Image

    if image.mode.startswith("I"):
        return _Values(np.asarray(image).astype(np.int64).clip(0), None)
    tiles = getattr(image, "tile", [])
    packed = str(tiles[0][3]) if image.format == "PNG" and tiles else ""
    if packed not in _LOWER_BYTES:
        return None
    # Pillow keeps the upper byte of each value: nothing is left of values that use only the lower 12 bits. Read as if
    # the bytes were the other way round, it keeps the lower one
    with Image.open(_source(file)) as again:
        again.tile = [again.tile[0]._replace(args=_LOWER_BYTES[packed])]  # pyright: ignore[reportAttributeAccessIssue]
        lower = np.asarray(again).astype(np.int64)
    upper = np.asarray(image).astype(np.int64)
    if packed == "LA;16B":
        return _Values(lower[..., 0] << 8 | lower[..., 1], lower[..., 2] << 8 | lower[..., 3])
    values = upper << 8 | lower
    return _Values(values, None) if packed == "RGB;16B" else _Values(values[..., :3], values[..., 3])


_LOWER_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}
"""How Pillow calls the layouts of PNG's colours of 16 bits, and those that give their lower bytes (for LA all four)."""


def _fit(picture: "Image", width: int, height: int) -> "Image":
    from PIL import Image, ImageOps

    return ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)


def _sized(picture: "Image", form: PictureFormat) -> "Image":
    from PIL import Image

    if form.crop is None:
        if form.resize is None:
            return picture
        return _fit(picture, form.resize, form.resize)
    if form.resize is not None:
        width, height = picture.size
        short = min(width, height)
        picture = picture.resize(
            (int(form.resize * width / short), int(form.resize * height / short)), Image.Resampling.BILINEAR
        )
    width, height = picture.size
    if min(width, height) < form.crop:
        raise ValueError(f"{height} x {width} pixels, smaller than crop = {form.crop}; set resize, or a smaller crop")
    left, top = round((width - form.crop) / 2), round((height - form.crop) / 2)
    return picture.crop((left, top, left + form.crop, top + form.crop))


def _over_white(picture: "Image") -> "Image":
    from PIL import Image

    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white.convert("L" if picture.mode in ("L", "LA", "La") else "RGB")
