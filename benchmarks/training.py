"""Training speed of every method against the bare forward and backward passes that it needs.

    python benchmarks/training.py
    python benchmarks/training.py --model resnet18 --shape 3 32 32 --batch 256 --rounds 10

Images are noise (speed does not depend on them). Every round takes one step of each method in turn, so that a busy
machine slows all alike; ratios are medians over rounds of ratios within a round. The floor of a method with the
training attack: one forward pass with gradients to the images per attack step, then one forward pass with gradients to
the weights; no attack arithmetic, no data, no optimiser. The last line reads
tla_over_at_free=... tla_over_at_paper=... floor_ratio=... (the floor's time over that of an AT step).
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from tla.attacks.pgd import PGD
from tla.data import Images
from tla.memory import kept
from tla.models import MODELS
from tla.training import METHODS, Method, TrainConfig, open_engine
from tla.training.engine import Engine, device_name
from tla.training.run import TrainingRun
from tla.training.setup import prepare

Step = Callable[[], None]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="small_cnn", help="any registered backbone")
    parser.add_argument("--shape", type=int, nargs=3, default=[1, 28, 28], help="channels, height, width")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=7, help="steps of the training attack (PGD)")
    parser.add_argument("--pool", type=int, default=0, help="size of the paper's fresh pool; 0 means the batch size")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--device", default=None)
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=0, help="0 keeps torch's default")
    parser.add_argument(
        "--clock", default="wall", choices=["wall", "cpu"], help="cpu: of this process, one thread only"
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print a table, print the ratios."""
    args = arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    engine = open_engine(args.device, args.precision)
    steps = candidates(args, engine)
    times: dict[str, list[float]] = {name: [] for name in steps}
    with kept(), engine.tuned():
        for turn in range(args.warmup + args.rounds):
            for name, step in steps.items():
                spent = timed(engine, step, args.clock)
                if turn >= args.warmup:
                    times[name].append(spent)
    print(f"{device_name(engine.device)} ({platform.processor() or platform.machine()}), torch {torch.__version__}")
    shape = "x".join(map(str, args.shape))
    kind = f"{'bf16' if engine.bf16 else 'fp32'}, {args.rounds} rounds, {args.clock} clock"
    print(f"{args.model} on {shape}, batch {args.batch}, PGD-{args.steps}, {kind}")
    print(f"{'':14}{'images/s':>10}{'ms/step':>10}{'quartiles':>18}{'over at':>9}")
    for name, spent in times.items():
        low, middle, high = (1e3 * q for q in statistics.quantiles(spent, n=4))
        rate = args.batch / statistics.median(spent)
        print(f"{name:14}{rate:10.0f}{middle:10.2f}{low:9.2f}-{high:<8.2f}{ratio(times, name, 'at'):9.3f}")
    print(
        f"tla_over_at_free={ratio(times, 'tla', 'at'):.3f} tla_over_at_paper={ratio(times, 'tla fresh', 'at'):.3f} "
        f"floor_ratio={ratio(times, 'floor', 'at'):.3f}"
    )


def candidates(args: argparse.Namespace, engine: Engine) -> dict[str, Step]:
    """One step of every registered method with its defaults, of TLA's other pools, and of the floor."""
    images, config = noise(tuple(args.shape), 4 * args.batch), settings(args)
    pool = args.pool or args.batch
    methods = {name: METHODS.build(name) for name in METHODS.names()}
    methods |= {
        "tla bank": METHODS.build("tla", mining="bank", pool=8 * args.batch),
        "tla fresh": METHODS.build("tla", mining="fresh", pool=pool),
    }
    steps = {name: one_step(args.model, images, method, config, engine) for name, method in methods.items()}
    return {"floor": floor(args, engine, images, config), **steps}


def settings(args: argparse.Namespace) -> TrainConfig:
    """The configuration of all methods."""
    attack = PGD(steps=args.steps)
    return TrainConfig(
        epochs=1000, batch=args.batch, attack=attack, eps=0.1, holdout=0, select=False, compile=args.compile
    )


def noise(shape: tuple[int, int, int], count: int) -> Images:
    """Random images of ten classes."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, *shape), generator=generator).to(torch.uint8)
    labels = torch.arange(count) % 10
    return Images(pixels, labels, tuple("0123456789"), torch.arange(count), "noise", "train")


def start(model: str, images: Images, method: Method, config: TrainConfig, engine: Engine) -> TrainingRun:
    """A run before its first step."""
    with tempfile.TemporaryDirectory() as folder:
        return prepare(MODELS.build(model), images, method, config, 0, Path(folder), engine).run


def one_step(model: str, images: Images, method: Method, config: TrainConfig, engine: Engine) -> Step:
    """A training step as the loop takes it: draw, attack, loss, backward, optimiser."""
    run = start(model, images, method, config, engine)
    order, terms = run.pool.order(0, 0), torch.zeros(4, device=engine.device)

    def step() -> None:
        terms.copy_(run.step(0, 0, run.share(order, 0)))

    return step


def floor(args: argparse.Namespace, engine: Engine, images: Images, config: TrainConfig) -> Step:
    """The passes of an AT step alone."""
    run = start(args.model, images, METHODS.build("at"), config, engine)
    batch = run.context.fetch(run.share(run.pool.order(0, 0), 0))
    network, weights = run.context.module, list(run.module.parameters())

    def step() -> None:
        network.eval()
        with engine.autocast():
            for _ in range(args.steps):
                x = batch.x.requires_grad_()
                torch.autograd.grad(cross_entropy(network(x).logits.float(), batch.y), x)
        network.train()
        with engine.autocast():
            loss = cross_entropy(network(batch.x.detach()).logits.float(), batch.y)
        torch.autograd.grad(loss, weights)

    return step


def timed(engine: Engine, step: Step, clock: str) -> float:
    """Seconds of one step."""
    now = time.process_time if clock == "cpu" else time.perf_counter
    engine.synchronize()
    started = now()
    step()
    engine.synchronize()
    return now() - started


def ratio(times: dict[str, list[float]], above: str, below: str) -> float:
    """Median over rounds of one time over another."""
    return statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))


if __name__ == "__main__":
    main()
