"""Does FAISS pay off for the memory bank of training? Mining a step's negatives in banks of several sizes.

    python benchmarks/bank.py --threads 1

Every training step adds a batch of embeddings to the bank, and each query gets the nearest key of another class.
"exact" is what training does: one matrix product on the device. "flat" is FAISS's exact index, rebuilt every step.
"ivf" is an inverted file per class, which searches an eighth of its lists and replaces the oldest keys every step.
Embeddings are clustered like those of a trained network: ten classes, non-negative, 256 values. Minimum CPU time over
rounds.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import faiss
import numpy as np
import torch
from torch import Tensor

from tla.distances import unit
from tla.losses.mining.selection import nearest_other
from tla.seeding import generator
from tla.training.bank import Bank

CLASSES = 10


class MiningStep(NamedTuple):
    """Queries and keys of one step, with their classes."""

    queries: Tensor
    y: Tensor
    keys: Tensor
    key_y: Tensor


def mining_step(size: int, batch: int, width: int) -> MiningStep:
    """Clustered embeddings: a centre per class, and noise around it."""
    source = generator(0, "bank", size)
    centres = torch.rand(CLASSES, width, generator=source)
    key_y, y = torch.randint(CLASSES, (size,), generator=source), torch.randint(CLASSES, (batch,), generator=source)
    keys, queries = (
        (centres[labels] + 0.4 * torch.randn(len(labels), width, generator=source)).relu() for labels in (key_y, y)
    )
    return MiningStep(queries, y, keys, key_y)


def exact(case: MiningStep) -> Callable[[], Tensor]:
    """One matrix product, as in training."""
    bank = Bank(len(case.keys), case.keys.shape[1], torch.device("cpu"))
    bank.put(case.keys, case.key_y)

    def step() -> Tensor:
        bank.put(case.keys[: len(case.y)], case.key_y[: len(case.y)])
        return nearest_other(case.queries, case.y, bank.embeddings, bank.labels).rows

    return step


def flat(case: MiningStep) -> Callable[[], Tensor]:
    """FAISS's exact index, rebuilt every step; the queries of each class search the keys of the others."""
    keys, queries = (unit(values).numpy() for values in (case.keys, case.queries))
    index = faiss.IndexFlatIP(keys.shape[1])

    def step() -> Tensor:
        index.reset()
        index.add(keys)
        found = torch.full((len(case.y),), -1)
        for label in case.y.unique():
            selected = case.y == label
            bits = np.packbits((case.key_y != label).numpy(), bitorder="little")
            others: Any = faiss.IDSelectorBitmap(bits)  # pyright: ignore[reportCallIssue]
            settings: Any = faiss.SearchParameters(sel=others)  # pyright: ignore[reportCallIssue]
            found[selected] = torch.from_numpy(index.search(queries[selected.numpy()], 1, params=settings)[1][:, 0])
        return found

    return step


def inverted(case: MiningStep) -> Callable[[], Tensor]:
    """An inverted file per class: new keys replace old ones, and the queries of all other classes search it."""
    keys, queries = (unit(values).numpy() for values in (case.keys, case.queries))
    ids, y = case.key_y.numpy(), case.y.numpy()
    files = [_file(keys, np.flatnonzero(ids == label)) for label in range(CLASSES)]
    replaced = np.arange(len(y))

    def step() -> Tensor:
        best, found = np.full(len(y), -np.inf), np.full(len(y), -1)
        for label, index in enumerate(files):
            rows = replaced[ids[: len(y)] == label]
            index.remove_ids(faiss.IDSelectorArray(rows))
            index.add_with_ids(keys[rows], rows)
            others = np.flatnonzero(y != label)
            similarity, nearest = (column[:, 0] for column in index.search(queries[others], 1))
            better = similarity > best[others]
            best[others[better]], found[others[better]] = similarity[better], nearest[better]
        return torch.from_numpy(found)

    return step


def _file(keys: np.ndarray, rows: np.ndarray) -> Any:
    lists = max(4, int(2 * len(rows) ** 0.5))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(keys.shape[1]), keys.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid = 1
    index.train(keys[rows])
    index.add_with_ids(keys[rows], rows)
    index.set_direct_map_type(faiss.DirectMap.Hashtable)  # pyright: ignore[reportAttributeAccessIssue]
    index.nprobe = max(4, lists // 8)
    return index


def seconds(step: Callable[[], Tensor], rounds: int) -> float:
    """CPU seconds of a step, the minimum over rounds."""
    spent = []
    for _ in range(rounds):
        started = time.process_time()
        step()
        spent.append(time.process_time() - started)
    return min(spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 50_000, 200_000])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    faiss.omp_set_num_threads(options.threads)
    print(f"{options.batch} queries of {options.width} values, {options.threads} threads; milliseconds of CPU a step")
    print(f"{'bank':>9}{'exact':>9}{'flat':>9}{'ivf':>9}{'ivf finds the nearest':>24}")
    ratio = float("nan")
    for size in options.sizes:
        case = mining_step(size, options.batch, options.width)
        steps = {"exact": exact(case), "flat": flat(case), "ivf": inverted(case)}
        same = (steps["exact"]() == steps["ivf"]()).float().mean()
        times = {name: 1000 * seconds(step, options.rounds) for name, step in steps.items()}
        ratio = times["exact"] / times["ivf"]
        print(f"{size:>9,}" + "".join(f"{value:>9.2f}" for value in times.values()) + f"{same:>24.1%}")
    print(f"exact_over_ivf={ratio:.2f}")


if __name__ == "__main__":
    main()
