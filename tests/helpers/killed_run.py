"""A run that a test kills: python killed_run.py FOLDER."""

import sys
from pathlib import Path

import torch

from tla.attacks.pgd import PGD
from tla.data.digits import Digits
from tla.models.small_cnn import SmallCNN
from tla.training import METHODS, TrainConfig, TrainingProgress, TrainResult, train


def go(folder: Path) -> TrainResult:
    """Six epochs with everything that has state: averaged weights, momentum, a memory bank, augmentation."""
    images = Digits().load().train.subset(torch.arange(240))
    config = TrainConfig(
        epochs=6, batch=40, eps=0.15, holdout=40, ema=0.9, precision="fp32", pad=1,
        attack=PGD(steps=2), judge=PGD(steps=2),
    )  # fmt: skip
    method = METHODS.build("tla", mining="bank", pool=64)
    network = SmallCNN(width=16, embedding=32)
    return train(network, images, method, config, seed=5, folder=folder, progress=report)


def report(event: TrainingProgress) -> None:
    """One line per finished epoch."""
    if event.row:
        print(event.epoch, flush=True)  # noqa: T201


if __name__ == "__main__":
    torch.set_num_threads(1)
    go(Path(sys.argv[1]))
