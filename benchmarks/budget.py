"""What a method achieves in a given time on one device: train, attack, AutoAttack.

    python benchmarks/budget.py trades-awp --minutes 8 --out budget/trades-awp
    python benchmarks/budget.py at --epochs 30 --width 32 --out budget/at

The number of epochs comes from timing a short run of the same kind first (including compilation), so that all of
training fits into the minutes. Prints one JSON line per stage; the last one has the accuracies.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import torch
from gpu import NAMES, epochs_within
from torch import Tensor, nn

from tla.attacks import ATTACKS, evaluate
from tla.data import Images, Splits
from tla.models import MODELS
from tla.threat import Threat
from tla.training import METHODS, TrainConfig, open_engine, save_model, train
from tla.training.checkpoint import describe

EPS = 8 / 255
SUITE = {
    "fgsm": {"name": "fgsm"},
    "bim": {"name": "bim", "steps": 7, "step_size": 2 / 255},
    "cw": {"name": "cw", "steps": 30, "step_size": 2 / 255},
    "pgd7": {"name": "pgd", "steps": 7, "step_size": 2 / 255},
    "pgd20": {"name": "pgd", "steps": 20, "step_size": 2 / 255},
    "20xpgd20": {"name": "pgd", "steps": 20, "step_size": 2 / 255, "restarts": 20},
    "mim": {"name": "mim", "steps": 40, "step_size": 2 / 255},
}


def main() -> None:
    """Train, evaluate, save."""
    options = arguments()
    torch.backends.cudnn.benchmark = True
    splits = images(options.pixels)
    config = TrainConfig(
        epochs=1,
        batch=options.batch,
        optimizer="sgd",
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        schedule="onecycle",
        warmup=0.2,
        ema=options.ema,
        batch_norm=options.batch_norm,
        label_smoothing=options.smoothing,
        pad=4,
        flip=True,
        eps=EPS,
        attack=ATTACKS.build("pgd", steps=options.steps, step_size=2.5 / 255, pursuit="last_step"),
        judge=ATTACKS.build("pgd", steps=10, step_size=2 / 255),
        judge_every=options.judge_every,
        save_every=10_000,
        holdout=1000,
        compile=not options.eager,
    )
    epochs = options.epochs or epochs_that_fit(options, config, splits.train)
    config = dataclasses.replace(config, epochs=epochs)
    started = time.perf_counter()
    result = train(
        MODELS.build("resnet18", width=options.width),
        splits.train,
        METHODS.build(options.method, **json.loads(options.knobs)),
        config,
        seed=options.seed,
        folder=options.out / "run",
        engine=open_engine(),
    )
    report(stage="trained", wall=time.perf_counter() - started, **result.facts)
    header = describe(MODELS.build("resnet18", width=options.width), splits.train.shape, splits.train.classes)
    about = {"data": "cifar10", "method": options.method, "seed": options.seed, "facts": result.facts}
    save_model(options.out / "model.safetensors", result.model, {**header, **about}, half=True)
    result.history.to_parquet(options.out / "history.parquet")
    evaluated(options, result.model, splits.test)


def epochs_that_fit(options: argparse.Namespace, config: TrainConfig, train_images: Images) -> int:
    """How many epochs fit into the minutes: one epoch is timed, after one that compiles."""
    method = METHODS.build(options.method, **json.loads(options.knobs))
    backbone = MODELS.build("resnet18", width=options.width)
    epochs = epochs_within(60 * options.minutes, backbone, train_images, method, config, options.out / "timing")
    report(stage="timed", epochs=epochs)
    return epochs


def evaluated(options: argparse.Namespace, model: nn.Module, test: Images) -> None:
    """The suite on --examples test images, and AutoAttack on the first of them."""
    device = next(model.parameters()).device
    model = model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    chosen = test.subset(torch.arange(min(options.examples, len(test)))).to(device)
    x, y = chosen.floats().contiguous(memory_format=torch.channels_last), chosen.labels
    started = time.perf_counter()
    attacks = {label: ATTACKS.build(**kind) for label, kind in SUITE.items()}
    frame = evaluate(model, x, y, attacks, Threat("linf", EPS), batch=1000, seed=0)
    frame.to_parquet(options.out / "attacks.parquet")
    shares = (1 - frame.groupby("attack").success.mean()).round(4).to_dict()
    report(stage="attacked", n=len(x), seconds=time.perf_counter() - started, **shares)
    if options.autoattack:
        autoattacked(options, model, x[: options.autoattack].contiguous(), y[: options.autoattack])


def autoattacked(options: argparse.Namespace, model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Standard AutoAttack in float32."""
    from pyautoattack.autoattack import AutoAttack

    started = time.perf_counter()
    logits = Logits(model).eval()
    attack = AutoAttack(logits, norm="Linf", eps=EPS, version="standard", device=str(x.device), seed=0)
    adversarial = attack.run_standard_evaluation(x, y, batch_size=min(1000, len(x)))
    adversarial = adversarial[0] if isinstance(adversarial, tuple) else adversarial
    with torch.no_grad():
        clean = (logits(x).argmax(1) == y).float().mean().item()
        robust = (logits(adversarial.to(x.device)).argmax(1) == y).float().mean().item()
    seconds = time.perf_counter() - started
    report(stage="autoattack", n=len(x), clean=clean, robust=robust, seconds=seconds, method=options.method)


class Logits(nn.Module):
    """A model that returns logits only, as other libraries expect."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        return self.model(x).logits


def images(pixels: Path | None) -> Splits:
    """CIFAR-10 as the library finds it, or from one safetensors file of uint8 arrays."""
    if pixels is None:
        from tla.data import SOURCES

        return SOURCES.build("cifar10").load()
    from safetensors.torch import load_file

    arrays = load_file(pixels)
    splits = []
    for split in ("train", "test"):
        x, y = arrays[split], arrays[f"{split}_y"].long()
        splits.append(Images(x, y, NAMES, torch.arange(len(y)), "cifar10", split))
    return Splits(*splits)


def report(**values: object) -> None:
    """Print one JSON line."""
    print(json.dumps(values, default=str), flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("method")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=0.2)
    parser.add_argument("--weight-decay", type=float, default=5e-4)
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--smoothing", type=float, default=0.0)
    parser.add_argument("--batch-norm", default="adversarial")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--judge-every", type=int, default=5)
    parser.add_argument("--knobs", default="{}", help="settings of the method, as JSON")
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--autoattack", type=int, default=1000, help="test images for AutoAttack; 0 leaves it out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--eager", action="store_true", help="do not compile the network")
    parser.add_argument("--pixels", type=Path, help="safetensors with train, train_y, test, test_y")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
