"""Networks of a user's own to start training from, and pictures for them."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

import tla
from tla.data import SOURCES
from tla.models.external.adapt import Adapted

NETWORKS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=24, seed=0):
        super().__init__()
        if seed is not None:
            torch.manual_seed(seed)
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Flatten(),
            nn.Linear(512, width), nn.ReLU(inplace=True), nn.Dropout(0.1),
        )
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        return self.out(self.body(x))

class Mean(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :10] - x.flatten(1)[:, 10:20]

class Cut(Net):
    def forward(self, x):
        return self.out(self.body(x)).detach()

class OnlyEval(Net):
    def forward(self, x):
        if self.training:
            raise RuntimeError("never trained")
        return super().forward(x)

NET = Net()

def wider():
    return Net(32)

def unseeded():
    return Net(seed=None)

def detached():
    return Cut()

def no_weights():
    return Mean()

def only_eval():
    return OnlyEval()

def probabilities():
    return nn.Sequential(Net(), nn.Softmax(1))

def colour():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))

def lazy():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.LazyLinear(10))
"""


def write_weights(name: str, file: Path, epochs: int = 6) -> None:
    """Train a network of net.py on clean digits, and save its state dict."""
    torch.manual_seed(0)
    net = tla.load_user_model(name, shape=(1, 8, 8))
    assert isinstance(net, Adapted)
    images = SOURCES.build("digits").load().train
    x, y = images.floats(), images.labels
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(epochs):
        net.train()
        for rows in torch.randperm(len(x)).split(64):
            loss = torch.nn.functional.cross_entropy(net(x[rows]).logits, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    torch.save({"state_dict": net.module.state_dict()}, file)


def write_pictures(folder: Path, *, classes: int, size: int, channels: int, count: int) -> None:
    """Class folders of noise that is brighter in another part for each class; `count` pictures per class."""
    rng = np.random.default_rng(0)
    for label in range(classes):
        (folder / f"class{label}").mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 120, (size, size, channels), dtype=np.uint8)
            rows = slice(label * size // classes, (label + 1) * size // classes)
            pixels[rows] += 100
            Image.fromarray(pixels.squeeze()).save(folder / f"class{label}" / f"{number:03}.png")
