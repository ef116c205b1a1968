"""Pictures for figures: pixels by id, embedded so that a browser needs no network."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

SHARP = 56
"""Pictures smaller than this are enlarged pixel by pixel, because the browser would blur them."""


@runtime_checkable
class HasArrays(Protocol):
    """What has a study's arrays: a `Store`, or frames with images."""

    def arrays(self, name: str) -> Mapping[str, np.ndarray]:
        """Arrays by name; raises FileNotFoundError where there are none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The images of a study, by id; figures leave out what is missing.

    Args:
        test: Attacked test images, clean, id -> pixels of shape (c, h, w): uint8, or float in 0..1.
        gallery: Training images, id -> pixels.
        adversarial: For each model ("at-seed0"), id -> adversarial pixels.
        film: For each model, id -> attack step -> pixels, for the images whose attack was recorded.
    """

    test: Mapping[int, np.ndarray] = field(default_factory=dict)
    gallery: Mapping[int, np.ndarray] = field(default_factory=dict)
    adversarial: Mapping[str, Mapping[int, np.ndarray]] = field(default_factory=dict)
    film: Mapping[str, Mapping[int, Mapping[int, np.ndarray]]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: HasArrays, models: tuple[str, ...] = (), condition: str = "") -> "Pictures":
        """The pictures of a study; none if it has no images.

        Args:
            store: The study.
            models: Models whose adversarial images and films to read, "at-seed0".
            condition: In a study of embeddings, whose pictures take the place of adversarial ones.
        """
        try:
            images = store.arrays("images")
        except FileNotFoundError:
            return cls()
        test = _by_id(images, "test")
        adversarial = {}
        for model in models:
            arrays = _arrays(store, f"adversarial/{model}")
            if arrays is not None:
                first = condition or min(arrays, key=_eps, default="")
                stack = arrays.get(first, np.empty(0))
                adversarial[model] = dict(zip(test, stack, strict=False))
        films = cls.films(store, models).film
        return cls(test=test, gallery=_by_id(images, "gallery"), adversarial=adversarial, film=films)

    @classmethod
    def films(cls, store: HasArrays, models: tuple[str, ...]) -> "Pictures":
        """Only the films, which are quick to read; none if the study has none.

        Args:
            store: The study.
            models: Models whose films to read, "at-seed0".
        """
        films = {}
        for model in models:
            arrays = _arrays(store, f"film/{model}")
            if arrays is not None:
                steps = arrays["step"].tolist()
                reels = zip(arrays["id"].tolist(), arrays["pixels"], strict=True)
                films[model] = {image: dict(zip(steps, reel, strict=True)) for image, reel in reels}
        return cls(film=films)


def _arrays(store: HasArrays, name: str) -> Mapping[str, np.ndarray] | None:
    try:
        return store.arrays(name)
    except FileNotFoundError:
        return None


def _eps(name: str) -> tuple[float, str]:
    """Sort key of a model's adversarial arrays: "pgd@0.2" before "pgd@0.3"."""
    label, _, eps = name.partition("@")
    return (float(eps or 0), label)


def _by_id(images: Mapping[str, np.ndarray], name: str) -> dict[int, np.ndarray]:
    if name not in images:
        return {}
    ids = images.get(f"{name}_id", np.arange(len(images[name])))
    return dict(zip(ids.tolist(), images[name], strict=True))


def as_bytes(image: np.ndarray) -> np.ndarray:
    """Pixels as uint8 of shape (h, w) or (h, w, 3).

    Args:
        image: Shape (c, h, w) or (h, w), c of 1 or 3; uint8, or float in 0..1 (clipped, rounded).

    Raises:
        ValueError: for any other shape.
    """
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3):
        raise ValueError(f"image must have shape (c, h, w) with c of 1 or 3, got {tuple(np.shape(image))}")
    if pixels.dtype != np.uint8:
        pixels = np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    return pixels[0] if pixels.shape[0] == 1 else np.moveaxis(pixels, 0, -1)


def data_uri(image: np.ndarray, most: int | None = None) -> str:
    """A picture as a PNG data URI; small ones are enlarged without blur.

    Args:
        image: See `as_bytes`.
        most: Height that is seen; a picture at least twice as high is reduced, by means of squares of pixels.
    """
    from PIL import Image

    pixels = as_bytes(image)
    factor = -(-SHARP // max(min(pixels.shape[:2]), 1)) if min(pixels.shape[:2]) < 30 else 1
    picture = Image.fromarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))
    if most is not None:
        picture = picture.reduce(max(1, pixels.shape[0] // most))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
