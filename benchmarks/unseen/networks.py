"""Robust networks that nobody looked at while the ensemble was tuned: other architectures, methods, norms and images.

    python benchmarks/unseen/networks.py               train all nine; 2 to 14 minutes each on one core
    python benchmarks/unseen/networks.py vgg-awp       one of them

The weights lie beside this file in half precision and are what `benchmarks/strength.py --unseen` attacks. The settings
of the ensemble were fixed before; only narrow-100's radius was chosen by what the ensemble leaves there.
Train others before you change its settings.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import tla
from tla.data import images_from
from tla.threat import Norm

HERE = Path(__file__).parent


def mlp() -> nn.Module:
    """Three layers of a 28 x 28 image."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 160), nn.ReLU(), nn.Linear(160, 80), nn.ReLU(), nn.Linear(80, 10))


def lenet() -> nn.Module:
    """LeCun et al. 1998, with smooth units."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.Softplus(beta=5), nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 5), nn.Softplus(beta=5), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 84), nn.Softplus(beta=5), nn.Linear(84, 10),
    )  # fmt: skip


def vgg(classes: int = 10, *, width: int = 16, shrink: int = 1) -> nn.Module:
    """Convolutions with batch normalisation, and maxima between them."""
    layers: list[nn.Module] = [nn.AvgPool2d(shrink)] if shrink > 1 else []
    for before, after in ((3, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16 * width, classes))


class Residual(nn.Module):
    """A block of two convolutions with group normalisation and GELU around which the image passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(4, width), nn.GELU(), nn.Conv2d(width, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return nn.functional.gelu(x + self.block(x))


def residual(width: int = 24) -> nn.Module:
    """Residual blocks at 16 and 8 pixels."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2, padding=1), nn.GELU(), Residual(width),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.GELU(), Residual(2 * width),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8 * width, 10),
    )  # fmt: skip


class Mixing(nn.Module):
    """Depthwise convolution around which the image passes, then a 1 x 1 convolution (Trockman & Kolter 2022)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depth = nn.Sequential(
            nn.Conv2d(width, width, 5, groups=width, padding=2), nn.SiLU(), nn.BatchNorm2d(width)
        )
        self.point = nn.Sequential(nn.Conv2d(width, width, 1), nn.SiLU(), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return self.point(x + self.depth(x))


def mixer(width: int = 64, depth: int = 3) -> nn.Module:
    """ConvMixer with patches of 4 pixels."""
    stem = [nn.Conv2d(3, width, 4, stride=4), nn.SiLU(), nn.BatchNorm2d(width)]
    body = [Mixing(width) for _ in range(depth)]
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


class Transformer(nn.Module):
    """A small vision transformer (Dosovitskiy et al. 2021): patches, positions, three layers, mean of the tokens."""

    def __init__(self, classes: int, side: int, patch: int, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, stride=patch)
        self.places = nn.Parameter(torch.randn(1, (side // patch) ** 2, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, activation="gelu", batch_first=True)
        self.body = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.body(self.patches(x).flatten(2).transpose(1, 2) + self.places).mean(1))


@dataclass(frozen=True)
class Unseen:
    """One network: how it is built and trained, and on what it is judged.

    Args:
        build: Makes it with initial weights.
        data: Its images.
        method: It was trained by.
        eps: Radius of the training.
        judged: Radius at which it keeps between 20 and 80 % of the images under AutoAttack.
        steps: Of the training attack.
        settings: Further settings of the training.
        images: How many test images it is judged on: 300, or more where AutoAttack is quick enough.
    """

    build: Callable[[], nn.Module]
    data: str
    method: str
    norm: Norm
    eps: float
    judged: float
    epochs: int
    steps: int = 3
    settings: dict[str, Any] = field(default_factory=dict)
    images: int = 300


def narrow(classes: int, width: int = 16) -> nn.Module:
    """Three strided convolutions and a head for many classes."""
    return nn.Sequential(
        nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.1),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.LeakyReLU(0.1),
        nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1), nn.LeakyReLU(0.1),
        nn.Flatten(), nn.Linear(64 * width, 128), nn.LeakyReLU(0.1), nn.Linear(128, classes),
    )  # fmt: skip


def images(data: str) -> tuple[tla.Images, tla.Images]:
    """Training and test images: of a data set, or drawn in so many classes ("drawn-100")."""
    kind, _, classes = data.partition("drawn-")
    if kind:
        splits = tla.load_source(data).load()
        return splits.train, splits.test
    sys.path.append(str(HERE.parent))
    from yours import drawn

    count = int(classes)
    train, test = (drawn(max(20 * count, 10_000), count, 32, seed=1), drawn(1000, count, 32, seed=2))
    names = tuple(map(str, range(count)))
    return images_from(*train, classes=names), images_from(*test, classes=names)


UNSEEN = {
    "mlp-l2": Unseen(mlp, "mnist", "at", "l2", 2.0, 2.0, 8, 5, {"learning_rate": 0.002}, 1000),
    "lenet-trades": Unseen(lenet, "mnist", "trades", "linf", 0.2, 0.25, 2, 4, {"learning_rate": 0.003}, 1000),
    "vgg-awp": Unseen(vgg, "cifar10", "at-awp", "linf", 8 / 255, 6 / 255, 3, 2, {"learning_rate": 0.005}, 1000),
    "residual-l2": Unseen(residual, "cifar10", "at", "l2", 0.5, 0.5, 3, 2, {"learning_rate": 0.003}, 600),
    "mixer-fast": Unseen(mixer, "cifar10", "fast", "linf", 4 / 255, 4 / 255, 4, 1, {"learning_rate": 0.005}, 1000),
    "vgg-20": Unseen(
        lambda: vgg(20, shrink=2), "tiny-imagenet", "at", "linf", 4 / 255, 3 / 255, 12, 2,
        {"learning_rate": 0.003, "flip": True},
    ),
    "transformer-20": Unseen(
        lambda: Transformer(20, 64, 16), "tiny-imagenet", "trades", "l2", 0.5, 0.5, 10, 2,
        {"learning_rate": 0.001, "flip": True},
    ),
    "narrow-100": Unseen(
        lambda: narrow(100), "drawn-100", "at", "linf", 3 / 255, 6 / 255, 8, 3, {"learning_rate": 0.001}
    ),
    "narrow-1000": Unseen(
        lambda: narrow(1000), "drawn-1000", "trades", "linf", 2 / 255, 3 / 255, 8, 3, {"learning_rate": 0.002}
    ),
}  # fmt: skip


def load(name: str) -> nn.Module:
    """A trained network that answers with `Outputs`."""
    network = UNSEEN[name].build()
    network.load_state_dict({key: value.float() for key, value in load_file(HERE / f"{name}.safetensors").items()})
    return tla.as_classifier(network.eval())


def train(name: str) -> None:
    """Train one network and write its weights beside this file."""
    of = UNSEEN[name]
    known, _ = images(of.data)
    torch.manual_seed(0)
    network = tla.as_classifier(of.build(), shape=tuple(known.shape))
    config = tla.TrainConfig(
        epochs=of.epochs, batch=128, norm=of.norm, eps=of.eps, attack=tla.PGD(steps=of.steps), holdout=500,
        judge_every=of.epochs, **of.settings,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = tla.train(
            network, known, tla.METHODS.build(of.method), config, seed=0, folder=Path(folder), progress=print
        )
    weights = {key.removeprefix("module."): value for key, value in result.model.state_dict().items()}
    halves = {
        key: (value.half() if value.is_floating_point() else value).contiguous() for key, value in weights.items()
    }
    save_file(halves, HERE / f"{name}.safetensors")
    print(name, result.facts)


def main() -> None:
    """Train those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*UNSEEN, []], default=[])
    for name in parser.parse_args().names or UNSEEN:
        train(name)


if __name__ == "__main__":
    main()
