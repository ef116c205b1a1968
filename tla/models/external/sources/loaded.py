"""What a source of networks gives: the network, and what it says about the images that it takes."""

from typing import NamedTuple

from torch import nn

from tla.models.network.pixel_statistics import NONE, Statistics


class Loaded(NamedTuple):
    """A network, and what its source states.

    Attributes:
        module: The network.
        statistics: Mean and standard deviation that it expects images to be normalised by.
        size: Height and width of the images that it takes, if it takes one size.
        channels: Channels that it takes, if the source says so.
        batch: The only batch size that it is made for, None if any.
        remarks: What was done to it, a sentence each.
    """

    module: nn.Module
    statistics: Statistics = NONE
    size: tuple[int, int] | None = None
    channels: int | None = None
    batch: int | None = None
    remarks: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """What is asked of a source.

    Attributes:
        classes: Number of classes of the data; sizes the head of a network without weights.
        weights: Name of trained weights that the source knows; None for its own usual behaviour.
    """

    classes: int | None = None
    weights: str | None = None
