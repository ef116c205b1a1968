"""A run that a test kills: python killed_run.py FOLDER METHOD."""

import sys
from pathlib import Path

import torch

from tla.attacks.pgd import PGD
from tla.data.digits import Digits
from tla.models.small_cnn import SmallCNN
from tla.training import METHODS, TrainConfig, train

METHODS_WITH_STATE = {"tla": {"mining": "bank", "pool": 64}}

if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, name = Path(sys.argv[1]), sys.argv[2]
    images = Digits().load().train.subset(torch.arange(240))
    config = TrainConfig(
        epochs=6, batch=40, eps=0.15, holdout=40, ema=0.9, precision="fp32", pad=1,
        attack=PGD(steps=2), judge=PGD(steps=2),
    )  # fmt: skip
    method = METHODS.build(name, **METHODS_WITH_STATE.get(name, {}))
    print("ready", flush=True)  # noqa: T201
    result = train(
        SmallCNN(width=16, embedding=32), images, method, config, seed=5, folder=folder,
        progress=lambda event: print(event.epoch, flush=True) if event.row else None,  # noqa: T201
    )  # fmt: skip
    torch.save(result.model.state_dict(), folder / "final.pt")
