"""How fast the attack loop is, compared with a bare forward and backward pass and with other libraries.

    python benchmarks/attacks.py                          CPU: PGD-40, 1,000 images, madry_cnn; CUDA: PGD-20, resnet18
    python benchmarks/attacks.py --model FILE             a trained model instead (`tla train` or a study's model)
    python benchmarks/attacks.py --threads 1 --clock cpu  on a busy machine: CPU time, the minimum over rounds

All contenders attack the same images of the same network with the same steps in the same batches. Rounds are
interleaved, so that load on the machine affects all alike; wall times are medians over rounds. The floor is only the
forward pass and the backward pass to the input, at the same precision, with freed memory kept as in the loop. Peers run
unchanged, in float32. "leaving" is the default of an evaluation: images that are fooled (checked in float32) leave the
batch. Accuracy is that of one float32 forward pass.

Without a model, the network is trained for a few seconds against one-step attacks on the available images: MNIST or
CIFAR-10 under TLA_DATA, else the included digits, enlarged. The undefended network is trained as long on clean images,
and attacked at the precision that is faster on this device. In the last line everything except the peers is bf16, and
no image leaves.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from attack_peers import PEERS, Peer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from tla.attacks import ATTACKS, PGD, AttackResult, Recorder, Untargeted
from tla.data import SOURCES
from tla.memory import kept
from tla.models import MODELS
from tla.models.network.copying import working_copy
from tla.precision import autocast
from tla.seeding import generator
from tla.threat import Threat
from tla.types import Shape

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
Make = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Setting:
    """What all contenders share."""

    model: nn.Module
    undefended: nn.Module
    x: Tensor
    y: Tensor
    steps: int
    step_size: float
    eps: float
    batch: int
    clock: Callable[[], float]

    def summed(self, times: list[float]) -> float:
        """One number for several rounds; other processes can only add to CPU time."""
        return min(times) if self.clock is time.process_time else statistics.median(times)

    @property
    def device(self) -> torch.device:
        """Where everything runs."""
        return self.x.device


def main() -> None:
    """Measure and print."""
    options = arguments()
    device = torch.device(options.device)
    torch.set_num_threads(options.threads)
    setting = prepare(options, device)
    peers = [peer for peer in PEERS if peer.version() is not None]
    describe(setting, options, peers)
    contenders = ours(setting) | {peer.name: library(setting, peer) for peer in peers}
    seconds, images = measure(contenders, setting, options.rounds)
    table(seconds, images, setting)
    undefended(setting, options)
    best = min((seconds[peer.name] for peer in peers), default=float("nan"))
    loop = seconds["tla bf16"]
    print(f"leaving_speedup_vs_peer={best / seconds['tla bf16, leaving']:.2f}")
    print(
        f"floor_ratio={seconds['floor bf16'] / loop:.3f} speedup_vs_peer={best / loop:.2f} "
        f"recording_cost={seconds['tla bf16, recorded'] / loop - 1:.3f}"
    )


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cuda = torch.cuda.is_available()
    parser.add_argument("--device", default="cuda" if cuda else "cpu")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=500 if cuda else 250)
    parser.add_argument("--steps", type=int, default=20 if cuda else 40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--model", type=Path, help="a model file of this project")
    parser.add_argument("--training", type=int, default=200, help="training steps where no model is given")
    return parser.parse_args()


def prepare(options: argparse.Namespace, device: torch.device) -> Setting:
    """The network and the images."""
    small = device.type != "cuda"
    pixels, labels = load("mnist" if small else "cifar10", 28 if small else 32, 1 if small else 3)
    eps, step_size = (0.3, 0.01) if small else (8 / 255, 2 / 255)

    def trained(radius: float) -> nn.Module:
        model = MODELS.build("madry_cnn" if small else "resnet18").build(Shape(*pixels.shape[1:]), 10).to(device)
        train(model, pixels, labels, radius, options.training, device)
        return model.eval()

    if options.model is not None:
        from tla.training.checkpoint import load_model

        model = load_model(options.model).model.to(device).eval()
    else:
        model = trained(eps)
    rows = torch.arange(options.images) % len(pixels)
    x, y = pixels[rows].to(device), labels[rows].to(device)
    return Setting(model, trained(0.0), x, y, options.steps, step_size, eps, options.batch, CLOCKS[options.clock])


def load(name: str, side: int, channels: int) -> tuple[Tensor, Tensor]:
    """Test images and labels of real data if available, else the included digits, enlarged."""
    if os.environ.get("TLA_DATA"):
        try:
            test = SOURCES.build(name).load().test
        except (FileNotFoundError, ValueError):
            pass
        else:
            return test.floats(), test.labels
    digits = SOURCES.build("digits").load()
    pixels = torch.cat([digits.test.floats(), digits.train.floats()])
    enlarged = interpolate(pixels, size=(side, side), mode="bilinear").clamp(0, 1)
    return enlarged.expand(-1, channels, -1, -1), torch.cat([digits.test.labels, digits.train.labels])


def train(model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int, device: torch.device) -> None:
    """A few steps of adversarial training, so that some images are fooled and some are not; eps 0: on clean images."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    source, numbers = generator(0, "train"), generator(0, "attack", device=device)
    attack = ATTACKS.build("rfgsm", pursuit="last_step")
    for step in range(steps):
        rows = torch.randint(len(x), (100,), generator=source)
        images, labels = x[rows].to(device), y[rows].to(device)
        threat = Threat("linf", eps * min(1.0, 2 * step / steps))
        with torch.autocast(device.type, dtype=torch.bfloat16):
            if eps:
                images = attack(model, images, Untargeted(labels), threat, generator=numbers).adversarial
            loss = cross_entropy(model.train()(images).logits.float(), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def ours(setting: Setting) -> dict[str, Make]:
    """The floor and the loop, at both precisions."""
    model = working_copy(setting.model, torch.channels_last)

    def floor(low: bool) -> Make:
        def make(x: Tensor, y: Tensor) -> Tensor:
            with kept(), autocast(setting.device, "bf16" if low else "fp32"):
                for _ in range(setting.steps):
                    moved = x.detach().requires_grad_()
                    loss = cross_entropy(model(moved).logits.float(), y, reduction="sum")
                    torch.autograd.grad(loss, moved)
            return x

        return make

    def loop(low: bool, leaving: bool = False, recorded: bool = False) -> Make:
        pursuit = "until_reached" if leaving else "all_steps"
        attack = PGD(steps=setting.steps, step_size=setting.step_size, loss="ce", pursuit=pursuit)

        def make(x: Tensor, y: Tensor) -> Tensor:
            with autocast(setting.device, "bf16" if low else "fp32"):
                return run(attack, model, x, y, setting, Recorder() if recorded else None).adversarial

        return make

    return {
        "floor fp32": floor(False),
        "floor bf16": floor(True),
        "tla fp32": loop(False),
        "tla bf16": loop(True),
        "tla bf16, recorded": loop(True, recorded=True),
        "tla bf16, leaving": loop(True, leaving=True),
    }


def run(
    attack: PGD, model: nn.Module, x: Tensor, y: Tensor, setting: Setting, recorder: Recorder | None = None
) -> AttackResult:
    """One batch."""
    source = generator(0, "attack", device=x.device)
    return attack(model, x, Untargeted(y), Threat("linf", setting.eps), generator=source, on_step=recorder)


class Logits(nn.Module):
    """The network as other libraries expect it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.model(x).logits


def library(setting: Setting, peer: Peer) -> Make:
    """A peer with the same settings."""
    return peer.make(Logits(setting.model).eval(), setting.eps, setting.step_size, setting.steps, setting.x)


def measure(contenders: dict[str, Make], setting: Setting, rounds: int) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Median seconds of each over interleaved rounds, and its adversarial images."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    images: dict[str, Tensor] = {}
    for make in contenders.values():
        make(setting.x[: setting.batch].contiguous(memory_format=torch.channels_last), setting.y[: setting.batch])
    for _ in range(rounds):
        for name, make in contenders.items():
            wait(setting.device)
            started, results = setting.clock(), []
            for start in range(0, len(setting.x), setting.batch):
                batch = setting.x[start : start + setting.batch]
                if name.startswith(("tla", "floor")):
                    batch = batch.contiguous(memory_format=torch.channels_last)
                results.append(make(batch, setting.y[start : start + setting.batch]))
            wait(setting.device)
            seconds[name].append(setting.clock() - started)
            images[name] = torch.cat([result.contiguous() for result in results])
    return {name: setting.summed(times) for name, times in seconds.items()}, images


def wait(device: torch.device) -> None:
    """Wait until the GPU has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def undefended(setting: Setting, options: argparse.Namespace) -> None:
    """What it saves that fooled images leave, on a network trained on clean images only."""
    model = working_copy(setting.undefended, torch.channels_last)
    x, y = setting.x[: setting.batch].contiguous(memory_format=torch.channels_last), setting.y[: setting.batch]
    staying = PGD(steps=100, step_size=setting.step_size, loss="ce", pursuit="all_steps")
    attacks = {"leaving": replace(staying, pursuit="until_reached"), "staying": staying}
    times: dict[str, list[float]] = {name: [] for name in attacks}
    survive: dict[str, float] = {}
    for _ in range(options.rounds):
        for name, attack in attacks.items():
            wait(setting.device)
            started = setting.clock()
            with autocast(setting.device, "auto"):
                result = run(attack, model, x, y, setting)
            wait(setting.device)
            times[name].append(setting.clock() - started)
            survive[name] = float((~result.success).float().mean())
    share = setting.summed(times["leaving"]) / setting.summed(times["staying"])
    print(
        f"undefended network, PGD-100, n = {len(x)}: leaving costs {share:.3f} of staying "
        f"({survive['leaving']:.1%} survive when leaving, {survive['staying']:.1%} when staying)"
    )


def describe(setting: Setting, options: argparse.Namespace, peers: list[Peer]) -> None:
    """Hardware, versions, settings, peers."""
    chip = torch.cuda.get_device_name() if setting.device.type == "cuda" else platform.processor() or platform.machine()
    print(f"{chip}, {options.threads} threads, torch {torch.__version__}, Python {platform.python_version()}")
    size = sum(weight.numel() for weight in setting.model.parameters()) / 1e6
    work = f"{len(setting.x)} images of {tuple(setting.x.shape[1:])} in batches of {setting.batch}"
    print(f"PGD-{setting.steps}, eps {setting.eps:.4g}, step {setting.step_size:.4g}, {work}", end=", ")
    print(f"network of {size:.2f} M weights, {options.rounds} rounds, {options.clock} time")
    absent = ", ".join(peer.name for peer in PEERS if peer.version() is None)
    found = ", ".join(f"{peer.name} {peer.version()}" for peer in peers)
    print(f"peers: {found or 'none'}; not installed: {absent or 'none'}")


def table(seconds: dict[str, float], images: dict[str, Tensor], setting: Setting) -> None:
    """One line per contender."""
    print(f"{'':<22}{'seconds':>9}{'images/s':>10}{'of floor':>10}{'accuracy':>10}")
    for name, spent in seconds.items():
        floor = seconds["floor bf16" if "bf16" in name else "floor fp32"]
        with torch.no_grad():
            batches = zip(images[name].split(setting.batch), setting.y.split(setting.batch), strict=True)
            right = torch.cat([setting.model(batch).logits.argmax(1) == labels for batch, labels in batches])
        rate = len(setting.x) / spent
        print(f"{name:<22}{spent:>9.2f}{rate:>10.0f}{floor / spent:>10.3f}{right.float().mean():>10.3f}")


if __name__ == "__main__":
    main()
