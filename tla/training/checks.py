"""Everything that can be refused before training starts."""

import torch
from torch import nn

from tla.attacks.base import check_evaluates
from tla.attacks.search.step_size import too_short
from tla.data import Images
from tla.training.config import TrainConfig
from tla.training.methods import Method


def check_run(images: Images, rows: torch.Tensor, method: Method, config: TrainConfig, world: int) -> None:
    """Refuse a number of images, or classes, that cannot be trained on.

    Args:
        images: All training images.
        rows: Positions of those trained on.
        method: Training method.
        config: Configuration.
        world: Number of processes.

    Raises:
        ValueError: names the setting, what is allowed and what came.
    """
    check_attacks(method, config)
    check_data(images, len(rows), method, config, world)
    check_classes(images.labels[rows], images.classes, method)


def check_attacks(method: Method, config: TrainConfig) -> None:
    """Refuse attacks that cannot reach the border of the ball: training on them, or choosing by them, misleads.

    Raises:
        ValueError: names the setting and the fix.
    """
    if not method.requirements().attacked:
        return
    check_evaluates("train.judge", config.judge)
    for name in ("attack", "judge", *(["strong"] if config.strong_epochs else [])):
        reason = too_short(getattr(config, name), config.eps)
        if reason:
            raise ValueError(f"train.{name}: {reason}")


def check_data(images: Images, count: int, method: Method, config: TrainConfig, world: int) -> None:
    """Refuse a number of images that the method and the configuration cannot work with.

    Args:
        images: All training images.
        count: How many of them are trained on (the others are held out).
        method: Training method.
        config: Configuration.
        world: Number of processes.

    Raises:
        ValueError: names the setting, what is allowed and what came.
    """
    if count < 1:
        raise ValueError(f"holdout must leave images to train on, got {config.holdout} of {len(images)} images")
    if config.batch > count:
        raise ValueError(f"batch must be at most the {count} training images, got {config.batch}")
    if config.batch % world:
        raise ValueError(f"batch must be a multiple of the {world} processes, got {config.batch}")
    requirements = method.requirements()
    if requirements.pool > count:
        raise ValueError(f"pool must be at most the {count} training images, got {requirements.pool}")
    if requirements.keys > config.batch // world:
        raise ValueError(f"keys must be at most the {config.batch // world} images of a batch, got {requirements.keys}")


def check_test(images: Images, test: Images | None, config: TrainConfig) -> None:
    """Refuse test images that must not be used, and the lack of those that the configuration needs.

    Raises:
        ValueError: says which.
    """
    if config.select_on == "test" and test is None:
        raise ValueError('select_on is "test": pass the test images')
    if config.select_on != "test" and test is not None:
        raise ValueError('test images were passed, but select_on is not "test": training must not use them')
    if test is not None and (test.shape != images.shape or test.classes != images.classes):
        raise ValueError(f"test images must match the training images, got {test.name} of shape {test.shape}")


def check_classes(labels: torch.Tensor, classes: tuple[str, ...], method: Method) -> None:
    """Refuse a class with a single image where the method needs a second one as positive.

    Raises:
        ValueError: names the classes.
    """
    counts = torch.bincount(labels, minlength=len(classes))
    single = [classes[k] for k in (counts == 1).nonzero()[:, 0].tolist()]
    if method.requirements().positives and single:
        raise ValueError(
            f"{Method.registry.name_of(method)} needs two training images per class (a positive is another image); "
            f"only one of: {', '.join(single)}"
        )
    if method.requirements().positives and int((counts > 0).sum()) < 2:
        raise ValueError(f"{Method.registry.name_of(method)} needs images of at least two classes (for negatives)")


def check_model(module: nn.Module, images: Images) -> None:
    """Refuse a network built for other images or classes.

    Raises:
        ValueError: names what it takes or returns.
    """
    module.eval()
    try:
        with torch.no_grad():
            found = module(torch.zeros(2, *images.shape)).logits.shape[1]
    except (RuntimeError, ValueError) as error:
        shape = " x ".join(map(str, images.shape))
        raise ValueError(f"the model does not accept {images.name} images of shape {shape}: {error}") from None
    if found != len(images.classes):
        raise ValueError(f"the model has {found} classes, {images.name} has {len(images.classes)}")
