"""What is done to images inside a given model: channels, size, normalisation. All of it has a gradient."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from tla.models.network.pixel_statistics import CIFAR10, IMAGENET, NONE, Statistics

NamedStatistics = Literal["imagenet", "cifar10", "none"]
Numbers = NamedStatistics | tuple[float, ...] | None
"""One number for all channels or one per channel, or the name of usual ones; None for what the source states."""
NAMED: dict[str, Statistics] = {"imagenet": IMAGENET, "cifar10": CIFAR10, "none": NONE}
GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey value (ITU-R BT.601, as Pillow's "L")."""


class Preprocess(nn.Module):
    """Turns the user's images into those that a network takes.

    Args:
        channels: 1 or 3: grey images are repeated, coloured ones weighted by `GREY`; None leaves them.
        size: Height and width that images are resized to, bilinearly and antialiased; None leaves them.
    """

    weights: Tensor

    def __init__(self, channels: int | None = None, size: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.channels, self.size = channels, size
        self.register_buffer("weights", torch.tensor(GREY).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k i j"]:
        """The images as the network takes them; x itself if it fits already.

        Raises:
            ValueError: for images that are neither grey nor coloured, if channels are to be changed.
        """
        if self.channels is not None and x.ndim == 4 and x.shape[1] != self.channels:
            if {x.shape[1], self.channels} != {1, 3}:
                raise ValueError(
                    f"channels = {self.channels} converts images of 1 or 3 channels, got {x.shape[1]} channels"
                )
            x = (x * self.weights).sum(1, keepdim=True) if self.channels == 1 else x.expand(-1, 3, -1, -1)
        if self.size is not None and x.ndim == 4 and tuple(x.shape[2:]) != self.size:
            x = functional.interpolate(x, self.size, mode="bilinear", align_corners=False, antialias=True)
        return x


def statistics_of(mean: Numbers, std: Numbers, stated: Statistics = NONE) -> Statistics:
    """Mean and standard deviation from what the user said and what the source states.

    Args:
        mean: Numbers, a name (which gives the standard deviation too), or None for what is stated.
        std: As `mean`.
        stated: What the source states.

    Raises:
        ValueError: for an unknown name, mean and std of different lengths, or numbers that are not on the scale of
            pixels in [0, 1].
    """
    means, stds = _numbers("mean", mean), _numbers("std", std)
    if means is None and stds is None:
        return stated
    if stds is None:
        stds = _named(mean).std if isinstance(mean, str) else (1.0,)
    if means is None:
        means = _named(std).mean if isinstance(std, str) else (0.0,)
    if len(means) != len(stds):
        if 1 not in (len(means), len(stds)):
            raise ValueError(f"mean and std must have the same length, got {len(means)} and {len(stds)}")
        size = max(len(means), len(stds))
        means, stds = means * (size // len(means)), stds * (size // len(stds))
    if max(map(abs, means)) > 1:
        raise ValueError(f"mean is for pixels in 0..1, got {means}: divide mean and std by 255 if they are for 0..255")
    if min(stds) <= 0:
        raise ValueError(f"std must be > 0, got {stds}")
    return Statistics(means, stds)


def _numbers(name: str, value: Numbers) -> tuple[float, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return getattr(_named(value), name)
    if len(value) not in (1, 3):
        raise ValueError(f"{name} must be one number, one for each of 3 channels, or a name, got {len(value)} numbers")
    return tuple(float(number) for number in value)


def _named(name: str | tuple[float, ...] | None) -> Statistics:
    if not isinstance(name, str) or name not in NAMED:
        raise ValueError(f"mean and std must be numbers, or one of {', '.join(NAMED)}, got {name!r}")
    return NAMED[name]
