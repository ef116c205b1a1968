"""Mean and standard deviation of pixels, for the normalisation inside a classifier."""

from typing import Literal, NamedTuple

from tla.types import Shape

PixelStatistics = Literal["cifar10", "imagenet", "none"]


class Statistics(NamedTuple):
    """Per-channel mean and standard deviation of pixels in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


CIFAR10 = Statistics((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
IMAGENET = Statistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
GREY = Statistics((0.5,), (0.25,))
NONE = Statistics((0.0,), (1.0,))


def statistics(name: PixelStatistics, shape: Shape) -> Statistics:
    """The statistics to normalise by.

    Args:
        name: The data set; "none" leaves images unchanged.
        shape: Size of one image; without three channels the mean is 0.5 and the standard deviation 0.25.
    """
    if name == "none":
        return NONE
    if shape.channels != 3:
        return GREY
    return CIFAR10 if name == "cifar10" else IMAGENET
