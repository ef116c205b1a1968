"""A data set in memory: uint8 pixels and integer labels."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from tla.tensors import as_labels, as_tensor
from tla.types import Shape


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images; an image's id is its position in the split, and does not change in subsets.

    Args:
        pixels: 0..255, shape (n, c, h, w), uint8.
        labels: Class indices, shape (n,), int64.
        classes: Name of each class.
        ids: Position of each image in the whole split, shape (n,), int64.
        name: Name of the data set, "mnist".
        split: "train" or "test".
        notes: What was decided while reading them, a sentence each.

    Raises:
        ValueError: for wrong shapes or types, or a label without a class.
    """

    pixels: UInt8[Tensor, "n c h w"]
    labels: Int[Tensor, " n"]
    classes: tuple[str, ...]
    ids: Int[Tensor, " n"]
    name: str = "images"
    split: str = "test"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", as_tensor("pixels", self.pixels))
        for name in ("labels", "ids"):
            object.__setattr__(self, name, as_labels(name, getattr(self, name)))
        if self.pixels.dtype != torch.uint8 or self.pixels.ndim != 4:
            got = f"{self.pixels.dtype} of shape {tuple(self.pixels.shape)}"
            raise ValueError(f"pixels must be uint8 of shape (n, c, h, w), got {got}")
        if self.labels.shape != (len(self.pixels),) or self.ids.shape != self.labels.shape:
            raise ValueError(f"{len(self.pixels)} images need as many labels and ids, got {len(self.labels)} labels")
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(self.classes):
            raise ValueError(
                f"labels must be in 0..{len(self.classes) - 1} ({len(self.classes)} classes), "
                f"got {int(self.labels.min())}..{int(self.labels.max())}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> Shape:
        """Channels, height and width of one image."""
        return Shape(*self.pixels.shape[1:])

    def subset(self, rows: Int[Tensor, " m"]) -> "Images":
        """Some of the images, by position, with their ids."""
        return replace(self, pixels=self.pixels[rows], labels=self.labels[rows], ids=self.ids[rows])

    def as_split(self, split: str) -> "Images":
        """The same images as a whole split: ids are renumbered from 0."""
        return replace(self, ids=torch.arange(len(self)), split=split)

    def to(self, device: torch.device | str) -> "Images":
        """The same images on another device."""
        return replace(self, pixels=self.pixels.to(device), labels=self.labels.to(device), ids=self.ids.to(device))

    def floats(self, rows: Int[Tensor, " m"] | slice = slice(None)) -> Float[Tensor, "m c h w"]:
        """Pixels in [0, 1], float32."""
        return self.pixels[rows].float() / 255
