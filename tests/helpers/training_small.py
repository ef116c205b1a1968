"""Small data, small networks and short runs for the tests of training."""

from typing import NamedTuple

import torch

from tla.attacks.pgd import PGD
from tla.data import Images
from tla.data.digits import Digits
from tla.models import Classifier
from tla.training import TrainConfig, open_engine
from tla.training.bank import Bank
from tla.training.batches import Batch, Pool
from tla.training.step_context import StepContext

LABELS = [0, 1, 2] * 8
ROWS = torch.tensor([0, 1, 2, 3, 4, 5, 7, 9])


def images_of(labels, size=8, classes=3, seed=0):
    """Random images with given labels."""
    labels = torch.tensor(labels)
    pixels = torch.randint(256, (len(labels), 1, size, size), generator=torch.Generator().manual_seed(seed))
    names = tuple("abcdefghij"[:classes])
    return Images(pixels.to(torch.uint8), labels, names, torch.arange(len(labels)), "noise", "train")


def few_digits(count=200):
    """The first training images of scikit-learn's digits."""
    return Digits().load().train.subset(torch.arange(count))


def quick_config(**settings):
    """Two short epochs in float32."""
    defaults = {
        "epochs": 2, "batch": 50, "eps": 0.15, "holdout": 40, "precision": "fp32",
        "attack": PGD(steps=2), "judge": PGD(steps=2),
    }  # fmt: skip
    return TrainConfig(**(defaults | settings))


def normed_classifier(classes=10):
    """A tiny classifier with batch norm."""
    torch.manual_seed(0)
    backbone = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, stride=2), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Linear(72, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(),
    )  # fmt: skip
    return Classifier(backbone, 16, classes)


class OneStep(NamedTuple):
    """A batch of eight random images of three classes, and the context of its step."""

    batch: Batch
    context: StepContext


def one_step(module, method=None, **settings):
    """What `method(batch, context)` takes, at eps 0.1 with two steps of PGD."""
    config = TrainConfig(**({"batch": 8, "eps": 0.1, "attack": PGD(steps=2), "epochs": 2} | settings))
    engine = open_engine("cpu", "fp32")
    pool = Pool(images_of(LABELS), torch.device("cpu"), pad=0, flip=False, channels_last=False)
    context = StepContext(engine, module, engine.setup(module), pool, config, seed=0)
    if method is not None and method.requirements().bank:
        context.bank = Bank(method.requirements().bank, module.width, torch.device("cpu"))
    return OneStep(Batch(pool.view(ROWS, context.augmenting), pool.labels[ROWS], ROWS), context)
