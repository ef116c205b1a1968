"""Pictures of many images in one PNG, for each kind: clean, adversarial by method, and training images."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tla.plots.drawing.pictures import Pictures, as_bytes
from tla.widgets.scene import MapScene
from tla.widgets.sources import TableSource

COLUMNS = 32
MOST_SIDE = 64
"""Pixels; larger images are sent smaller."""


def pictures_of(source: TableSource, scene: MapScene) -> Pictures:
    """The pictures of a study; none if it has no images."""
    models = tuple(f"{one.method}-seed{scene.seed}" for one in scene.maps)
    return Pictures.of(source, models, getattr(source, "condition", ""))


def sheets(
    pictures: Pictures, scene: MapScene, places: np.ndarray, kinds: Iterable[str] | None = None
) -> list[dict[str, Any]]:
    """Sheets of some images of a scene, clean and adversarial, before `pack`.

    Args:
        pictures: Where the pixels are.
        scene: Says which image is at which place.
        places: Of the images in the scene.
        kinds: "clean" and names of methods; all by default.
    """
    held: dict[str, Mapping[int, np.ndarray]] = {"clean": pictures.test}
    held |= {one.method: pictures.adversarial.get(f"{one.method}-seed{scene.seed}", {}) for one in scene.maps}
    wanted = list(held) if kinds is None else [kind for kind in kinds if kind in held]
    found = []
    for kind in wanted:
        there = [int(place) for place in places if int(scene.ids[place]) in held[kind]]
        if there:
            found.append(sheet(kind, [held[kind][int(scene.ids[place])] for place in there], there))
    return found


def gallery_sheet(pictures: Pictures, ids: np.ndarray) -> list[dict[str, Any]]:
    """A sheet of training images; none where there are no pictures of them."""
    there = [int(one) for one in ids if int(one) in pictures.gallery]
    return [sheet("gallery", [pictures.gallery[one] for one in there], there)] if there else []


def sheet(kind: str, images: Sequence[np.ndarray], keys: Sequence[int]) -> dict[str, Any]:
    """Images in rows of 32 as one PNG.

    Args:
        kind: What they are.
        images: At least one, each (c, h, w), uint8 or in [0, 1]; all of one size.
        keys: By which each is found.
    """
    from PIL import Image

    tiles = [_small(as_bytes(image)) for image in images]
    height, width = tiles[0].shape[:2]
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    whole = np.zeros((rows * height, columns * width, *tiles[0].shape[2:]), np.uint8)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        whole[row * height : (row + 1) * height, column * width : (column + 1) * width] = tile
    file = io.BytesIO()
    Image.fromarray(whole).save(file, "PNG", optimize=len(tiles) < 2000)
    numbers = np.asarray(keys, np.int32)
    return {
        "kind": kind, "png": file.getvalue(), "columns": columns, "width": width, "height": height,
        "count": len(tiles), "keys": None if np.array_equal(numbers, np.arange(len(numbers))) else numbers,
    }  # fmt: skip


def _small(pixels: np.ndarray) -> np.ndarray:
    from PIL import Image

    side = max(pixels.shape[:2])
    if side <= MOST_SIDE:
        return pixels
    height, width = (max(1, round(length * MOST_SIDE / side)) for length in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))


def cost(pictures: Pictures, scene: MapScene) -> int:
    """About how many bytes the sheets of all images take: their pixels at the size sent."""
    if not pictures.test:
        return 0
    shape = np.shape(next(iter(pictures.test.values())))
    pixels = np.prod(np.minimum(shape[1:], MOST_SIDE)) * shape[0]
    return int(len(scene.ids) * pixels * (1 + len(pictures.adversarial)))
