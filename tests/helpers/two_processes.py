"""A run on several processes: torchrun two_processes.py FOLDER METHOD."""

import sys
from pathlib import Path

import torch

from tla.attacks.pgd import PGD
from tla.data.digits import Digits
from tla.models.small_cnn import SmallCNN
from tla.training import METHODS, TrainConfig, TrainResult, train

FIXED_START = PGD(steps=2, random_start=False)


def go(folder: Path, name: str) -> TrainResult:
    """Three epochs without random numbers inside a batch, so that splitting it changes nothing."""
    images = Digits().load().train.subset(torch.arange(300))
    config = TrainConfig(
        epochs=3,
        batch=80,
        eps=0.15,
        holdout=60,
        learning_rate=2e-3,
        precision="fp32",
        attack=FIXED_START,
        judge=FIXED_START,
    )
    return train(SmallCNN(width=8, embedding=32), images, METHODS.build(name), config, seed=0, folder=folder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    result = go(Path(sys.argv[1]), sys.argv[2])
    assert result.facts["processes"] == 2
