"""What can be known to go wrong is said before any training starts."""

import torch
from torch import nn

from tla.data import Images
from tla.training.config import TrainConfig
from tla.training.methods import Method


def check_run(images: Images, kept: torch.Tensor, method: Method, config: TrainConfig, world: int) -> None:
    """Everything that can be refused by looking at the images' number and classes.

    Args:
        images: All training images.
        kept: Positions of those trained on.
        method: Training method.
        config: Configuration.
        world: Number of processes.

    Raises:
        ValueError: names the knob, what is allowed and what came.
    """
    check_data(images, len(kept), method, config, world)
    check_classes(images.labels[kept], images.classes, method)


def check_data(images: Images, kept: int, method: Method, config: TrainConfig, world: int) -> None:
    """Refuse data that the method and the configuration cannot work with.

    Args:
        images: All training images.
        kept: How many of them are trained on (the others are kept aside).
        method: Training method.
        config: Configuration.
        world: Number of processes.

    Raises:
        ValueError: names the knob, what is allowed and what came.
    """
    if kept < 1:
        raise ValueError(f"holdout must leave images to train on: {config.holdout} of {len(images)} are kept aside")
    if config.batch > kept:
        raise ValueError(f"batch must be at most the {kept} images trained on, got {config.batch}")
    if config.batch % world:
        raise ValueError(f"batch must be a multiple of the {world} processes, got {config.batch}")
    requirements = method.requirements()
    if requirements.pool > kept:
        raise ValueError(f"pool must be at most the {kept} images trained on, got {requirements.pool}")
    if requirements.keys > config.batch // world:
        raise ValueError(f"keys must be at most the {config.batch // world} images of a batch, got {requirements.keys}")


def check_test(images: Images, test: Images | None, config: TrainConfig) -> None:
    """Refuse test images where they must not be looked at, and their absence where the configuration wants them.

    Raises:
        ValueError: says which.
    """
    if config.select_on == "test" and test is None:
        raise ValueError('select_on is "test": give the test images')
    if config.select_on != "test" and test is not None:
        raise ValueError('test images were given, but select_on is not "test": training never looks at them')
    if test is not None and (test.shape != images.shape or test.classes != images.classes):
        raise ValueError(f"the test images must be like the training images, got {test.name} of shape {test.shape}")


def check_classes(labels: torch.Tensor, classes: tuple[str, ...], method: Method) -> None:
    """Refuse a class that has but one image where the method needs a second one as positive.

    Raises:
        ValueError: names the classes.
    """
    counts = torch.bincount(labels, minlength=len(classes))
    lonely = [classes[k] for k in (counts == 1).nonzero()[:, 0].tolist()]
    if method.requirements().positives and lonely:
        raise ValueError(
            f"{Method.registry.name_of(method)} needs two training images of each class (a positive is another image); "
            f"only one of: {', '.join(lonely)}"
        )
    if method.requirements().positives and int((counts > 0).sum()) < 2:
        raise ValueError(f"{Method.registry.name_of(method)} needs images of two classes or more (negatives)")


def check_model(module: nn.Module, images: Images) -> None:
    """Refuse a network for other images or other classes.

    Raises:
        ValueError: says what the network gave.
    """
    module.eval()
    try:
        with torch.no_grad():
            found = module(torch.zeros(2, *images.shape)).logits.shape[1]
    except (RuntimeError, ValueError) as error:
        shape = " x ".join(map(str, images.shape))
        raise ValueError(f"the model cannot take {images.name} images of {shape} values: {error}") from None
    if found != len(images.classes):
        raise ValueError(f"the model has {found} classes, {images.name} has {len(images.classes)}")
