"""What it saves to keep freed memory between passes through a network on the CPU (`tla.memory.kept`).

    python benchmarks/memory.py
    python benchmarks/memory.py --models madry_cnn --batches 250 --rounds 21

One pass is a forward pass and a backward pass to the images, in bfloat16 where it is faster, channels last: what an
attack does at each step. Two processes take turns, because thresholds once set cannot become adaptive again: one with
the C library unchanged, one with memory kept. The ratio is the median over rounds of the ratio within a round. Page
faults are minor faults per pass; peak is the process's largest resident memory so far.
"""

import argparse
import multiprocessing
import platform
import resource
import statistics
import time
from contextlib import nullcontext
from multiprocessing.connection import Connection
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tla.memory import kept
from tla.models import MODELS
from tla.training import open_engine
from tla.types import Shape

PASSES = 4


class Cost(NamedTuple):
    """Seconds and page faults of one pass, and the peak memory of the process in GiB."""

    seconds: float
    faults: float
    peak: float


def serve(requests: Connection, keep: bool, threads: int) -> None:
    """Measure each requested (model, batch), until None comes."""
    if threads:
        torch.set_num_threads(threads)
    engine = open_engine("cpu")
    with kept() if keep else nullcontext(), engine.autocast():
        while (request := requests.recv()) is not None:
            name, batch = request
            model = MODELS.build(name).build(Shape(1, 28, 28), 10).eval().to(memory_format=torch.channels_last)
            x = torch.rand(batch, 1, 28, 28).contiguous(memory_format=torch.channels_last)
            requests.send(mean_pass(model, x, torch.arange(batch) % 10))


def mean_pass(model: nn.Module, x: Tensor, y: Tensor) -> Cost:
    """The mean of a few passes, after one to warm up."""
    one_pass(model, x, y)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(PASSES):
        one_pass(model, x, y)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    return Cost(seconds / PASSES, (after.ru_minflt - before.ru_minflt) / PASSES, after.ru_maxrss / 2**20)


def one_pass(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Forward, and backward to the images."""
    moved = x.detach().requires_grad_()
    torch.autograd.grad(cross_entropy(model(moved).logits.float(), y, reduction="sum"), moved)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["small_cnn", "madry_cnn"])
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 250, 500, 1000])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=0, help="0 leaves torch's number")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    workers = []
    for keep in (False, True):
        mine, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, keep, options.threads), daemon=True)
        process.start()
        workers.append(mine)
    threads = options.threads or torch.get_num_threads()
    print(f"{platform.processor() or platform.machine()}, {threads} threads, torch {torch.__version__}")
    print(f"{'model':12}{'batch':>7}{'plain':>11}{'kept':>11}{'faults plain':>14}{'kept':>8}{'ratio':>8}{'peaks':>20}")
    ratios = []
    for name in options.models:
        for batch in options.batches:
            rounds = [[measure(worker, name, batch) for worker in workers] for _ in range(options.rounds)]
            plain, keep = (medians(column) for column in zip(*rounds, strict=True))
            ratios.append(statistics.median(one.seconds / other.seconds for one, other in rounds))
            print(
                f"{name:12}{batch:>7}{1000 * plain.seconds:>8.1f} ms{1000 * keep.seconds:>8.1f} ms"
                f"{plain.faults:>14,.0f}{keep.faults:>8,.0f}{ratios[-1]:>8.2f}{plain.peak:>10.2f} {keep.peak:.2f} GiB",
                flush=True,
            )
    for worker in workers:
        worker.send(None)
    print(f"kept_speedup={statistics.median(ratios):.2f} least={min(ratios):.2f}")


def medians(costs: tuple[Cost, ...]) -> Cost:
    """The median of each figure."""
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def measure(worker: Connection, name: str, batch: int) -> Cost:
    """Have a process measure one (model, batch)."""
    worker.send((name, batch))
    return worker.recv()


if __name__ == "__main__":
    main()
