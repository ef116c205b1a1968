"""What a study of a model that exists costs: a ResNet-18 at 224 pixels, and memory against the number of images.

    python benchmarks/yours.py                 # about ten minutes on two cores
    python benchmarks/yours.py --part growth   # only the memory

The images are drawn: ten classes, each a colour, a shape and a grating of its own, with noise. torchvision's resnet18
has its initial weights (seed 0); its head is fitted by logistic regression to the embeddings of 400 such images and is
right on more than 80 % of 200 others, which are then examined: PGD and the ensemble at 8/255, shift, maps, detection,
retrieval, layers, trajectories, audit, report. For the memory a small network with 1,000 classes examines 1,000 and
5,000 images of 3 x 64 x 64 in a process each. The last line: seconds and peak of the first, ratio of the peaks.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn

import tla
from tla.memory import peak_memory
from tla.study import AnalysisPlan


def drawn(count: int, classes: int, side: int, seed: int) -> tuple[Tensor, Tensor]:
    """Bytes, shape (count, 3, side, side), and classes: colour, disc and grating depend on the class."""
    source = torch.Generator().manual_seed(seed)
    looks = torch.rand(classes, 5, generator=torch.Generator().manual_seed(7))
    y = torch.arange(count) % classes
    down, across = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    x = torch.empty(count, 3, side, side, dtype=torch.uint8)
    for row, label in enumerate(y.tolist()):
        red, green, turn, size, waves = looks[label].tolist()
        shift = torch.rand(2, generator=source) * 0.6 - 0.3
        disc = ((down - shift[0]) ** 2 + (across - shift[1]) ** 2).sqrt() < 0.2 + 0.5 * size
        grating = torch.sin((4 + 20 * waves) * (down * turn + across * (1 - turn)) + 6 * shift[0])
        colour = torch.tensor([red, green, 1 - red])[:, None, None]
        picture = 0.5 + 0.2 * grating + 0.35 * disc * (colour - 0.5)
        picture = picture + 0.05 * torch.randn(3, side, side, generator=source)
        x[row] = (picture.clamp(0, 1) * 255).round().to(torch.uint8)
    return x, y


def fitted_resnet() -> nn.Module:
    """torchvision's resnet18 with initial weights and a head that was fitted to 400 drawn images."""
    from sklearn.linear_model import LogisticRegression
    from torchvision.models import resnet18

    torch.manual_seed(0)
    network = resnet18(weights=None, num_classes=10).eval()
    x, y = drawn(400, 10, 224, seed=1)
    embedding = tla.embed(tla.as_classifier(network, shape=(3, 224, 224)), x, batch=20).embedding
    scale = embedding.std(0).clamp_min(1e-6)
    fit = LogisticRegression(C=10.0, max_iter=2000).fit((embedding / scale).numpy(), y.numpy())
    with torch.no_grad():
        network.fc.weight.copy_(torch.from_numpy(fit.coef_).float() / scale)
        network.fc.bias.copy_(torch.from_numpy(fit.intercept_).float())
    return network


class Small(nn.Module):
    """Three convolutions with initial weights, and a head that predicts the class with the nearest mean embedding."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for before, after in ((3, 8), (8, 16), (16, 32)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        self.body, self.head = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(32, classes)

    def fit(self, x: Tensor, y: Tensor) -> "Small":
        """Set the head by labelled images, bytes."""
        with torch.no_grad():
            embedding = torch.cat([self.body(part.float() / 255) for part in x.split(250)])
            scale = float(embedding.std())
            means = torch.zeros_like(self.head.weight).index_add_(0, y, embedding / scale)
            means /= torch.bincount(y)[:, None]
            self.head.weight.copy_(means / scale)
            self.head.bias.copy_(-means.square().sum(1) / 2)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.body(x))


def whole(folder: Path) -> dict[str, float]:
    """Everything of a study for the ResNet-18, in this process."""
    network = fitted_resnet()
    start = time.perf_counter()
    store = tla.examine(
        {"resnet18": network}, drawn(200, 10, 224, seed=2), drawn(400, 10, 224, seed=1), folder=folder, progress=_say
    )
    seconds = time.perf_counter() - start
    attacks = store.table("attacks")
    clean = 1 - attacks[attacks.attack == "clean"].success.mean()
    print(f"{clean:.1%} of 200 clean images right; {len(store.manifest()['steps'])} steps in {seconds:.0f} s")
    if clean < 0.8:
        raise SystemExit("the head does not fit: fewer than 80 % of the clean images are right")
    return {"seconds": seconds, "gib": peak_memory()}


def many(folder: Path, count: int) -> dict[str, float]:
    """A study of `count` images in 1,000 classes, in this process."""
    start, known = time.perf_counter(), drawn(2000, 1000, 64, seed=4)
    tla.examine(
        {"small": Small(1000).fit(*known)},
        drawn(count, 1000, 64, seed=3),
        known,
        analysis=AnalysisPlan(projection="pca", trajectories=8),
        folder=folder,
        progress=_say,
    )
    return {"seconds": time.perf_counter() - start, "gib": peak_memory()}


def _say(now: object) -> None:
    if getattr(now, "state", "") == "done":
        print(f"  {now}", file=sys.stderr)


def _in_process(part: str) -> dict[str, float]:
    """One part in a process of its own, so that its peak is its own."""
    words = [sys.executable, __file__, "--part", part]
    out = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    print("\n".join(out[:-1]))
    return json.loads(out[-1])


def main() -> None:
    """Run the parts, each in its process, and print the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["all", "growth", "whole", "1000", "5000"], default="all")
    part = parser.parse_args().part
    if part in ("whole", "1000", "5000"):
        with tempfile.TemporaryDirectory() as folder:
            found = whole(Path(folder)) if part == "whole" else many(Path(folder), int(part))
        print(json.dumps(found))
        return
    first = _in_process("whole") if part == "all" else {"seconds": float("nan"), "gib": float("nan")}
    few, lots = _in_process("1000"), _in_process("5000")
    print(
        f"1,000 images: {few['gib']:.2f} GiB, {few['seconds']:.0f} s; "
        f"5,000: {lots['gib']:.2f} GiB, {lots['seconds']:.0f} s"
    )
    growth = lots["gib"] / few["gib"]
    print(f"yours_s={first['seconds']:.0f} yours_gib={first['gib']:.2f} growth={growth:.2f}")


if __name__ == "__main__":
    main()
