"""Training images as bytes on the device, where they are shuffled, augmented and sampled."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from tla.data import Images
from tla.devices import WITHOUT_FLOAT64
from tla.seeding import generator


class Batch(NamedTuple):
    """The images of one step.

    Attributes:
        x: Augmented images in [0, 1], shape (b, c, h, w).
        y: Their classes, shape (b,).
        rows: Their positions among the training images, shape (b,).
    """

    x: Float[Tensor, "b c h w"]
    y: Int[Tensor, " b"]
    rows: Int[Tensor, " b"]


class LabelledImages(NamedTuple):
    """Further training images: pixels in [0, 1], shape (m, c, h, w), and classes, shape (m,)."""

    x: Float[Tensor, "m c h w"]
    y: Int[Tensor, " m"]


class Pool:
    """All training images of a run, on its device.

    Args:
        images: What to train on.
        device: Where to keep them.
        pad: Zero pixels around each image before a random crop.
        flip: Mirror left to right with probability 1/2.
        channels_last: Memory layout of the batches.
    """

    def __init__(self, images: Images, device: torch.device, *, pad: int, flip: bool, channels_last: bool) -> None:
        self.pixels = functional.pad(images.pixels, (pad,) * 4).to(device)
        self.labels = images.labels.to(device)
        self.shape, self.pad, self.flip = images.shape, pad, flip
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.sorted = self.labels.argsort(stable=True)
        self.count = torch.bincount(self.labels, minlength=len(images.classes))
        self.start = self.count.cumsum(0) - self.count
        self.place = torch.empty_like(self.sorted)
        self.place[self.sorted] = torch.arange(len(images), device=device)

    def __len__(self) -> int:
        return len(self.labels)

    def order(self, seed: int, epoch: int) -> Int[Tensor, " n"]:
        """All positions, shuffled for this epoch; the same on every device and process."""
        return torch.randperm(len(self), generator=generator(seed, "order", epoch)).to(self.labels.device)

    def view(self, rows: Int[Tensor, " b"], source: torch.Generator) -> Float[Tensor, "b c h w"]:
        """Augmented images in [0, 1]; `source` is a generator on the device."""
        augmented = self.pad > 0 or self.flip
        picked = self._cropped(rows, source) if augmented else self.pixels.index_select(0, rows)
        return picked.to(memory_format=self.format).float().div_(255)

    def positives(self, rows: Int[Tensor, " b"], source: torch.Generator) -> Int[Tensor, " b"]:
        """For each position another one of the same class, uniformly; every class must have two images."""
        y = self.labels[rows]
        others = self.count[y] - 1
        dtype = torch.float32 if rows.device.type in WITHOUT_FLOAT64 else torch.float64
        share = torch.rand(len(rows), generator=source, device=rows.device, dtype=dtype)
        draw = (share * others).long().clamp_max(others - 1)  # float32 may round up to the class's size
        own = self.place[rows] - self.start[y]
        return self.sorted[self.start[y] + draw + (draw >= own)]

    def sample(self, count: int, source: torch.Generator) -> Int[Tensor, " m"]:
        """`count` positions, uniformly with replacement."""
        return torch.randint(len(self), (count,), generator=source, device=self.labels.device)

    def _cropped(self, rows: Tensor, source: torch.Generator) -> Tensor:
        b, device = len(rows), rows.device
        height = torch.arange(self.shape.height, device=device)
        width = torch.arange(self.shape.width, device=device)
        corner = torch.randint(2 * self.pad + 1, (2, b, 1), generator=source, device=device)
        ys, xs = corner[0] + height, corner[1] + width
        if self.flip:
            mirrored = torch.randint(2, (b, 1), generator=source, device=device).bool()
            xs = torch.where(mirrored, corner[1] + width.flip(0), xs)
        return self.pixels[rows[:, None, None], :, ys[:, :, None], xs[:, None, :]].permute(0, 3, 1, 2)
