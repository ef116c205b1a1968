"""Does FAISS pay for the memory bank of training? Mining a step's negatives in banks of several sizes.

    python benchmarks/bank.py --threads 1

Per training step the bank takes in a batch of embeddings, and each query gets the nearest key of another class.
"exact" is what training does: one matrix product on the device. "flat" is FAISS's exact index, filled anew. "ivf" is an
inverted file per class, an eighth of its lists looked at; old keys leave it and new ones come in every step.
Embeddings are clustered as those of a trained network are: ten classes, positive, 256 values. CPU seconds, the least of
the rounds.
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


class Scene(NamedTuple):
    """Queries and keys of one step, with their classes."""

    queries: Tensor
    y: Tensor
    keys: Tensor
    key_y: Tensor


def scene(size: int, batch: int, width: int) -> Scene:
    """Clustered embeddings: a centre per class, and spread around it."""
    source = generator(0, "bank", size)
    centres = torch.rand(CLASSES, width, generator=source)
    key_y, y = torch.randint(CLASSES, (size,), generator=source), torch.randint(CLASSES, (batch,), generator=source)
    keys, queries = (
        (centres[labels] + 0.4 * torch.randn(len(labels), width, generator=source)).relu() for labels in (key_y, y)
    )
    return Scene(queries, y, keys, key_y)


def exact(case: Scene) -> Callable[[], Tensor]:
    """One matrix product, as in training."""
    bank = Bank(len(case.keys), case.keys.shape[1], torch.device("cpu"))
    bank.put(case.keys, case.key_y)

    def step() -> Tensor:
        bank.put(case.keys[: len(case.y)], case.key_y[: len(case.y)])
        return nearest_other(case.queries, case.y, bank.embeddings, bank.labels).rows

    return step


def flat(case: Scene) -> Callable[[], Tensor]:
    """FAISS's exact index, filled anew; the queries of each class among the keys of the others."""
    keys, queries = (unit(part).numpy() for part in (case.keys, case.queries))
    index = faiss.IndexFlatIP(keys.shape[1])

    def step() -> Tensor:
        index.reset()
        index.add(keys)
        found = torch.full((len(case.y),), -1)
        for label in case.y.unique():
            mine = case.y == label
            bits = np.packbits((case.key_y != label).numpy(), bitorder="little")
            few: Any = faiss.IDSelectorBitmap(bits)  # pyright: ignore[reportCallIssue]
            settings: Any = faiss.SearchParameters(sel=few)  # pyright: ignore[reportCallIssue]
            found[mine] = torch.from_numpy(index.search(queries[mine.numpy()], 1, params=settings)[1][:, 0])
        return found

    return step


def inverted(case: Scene) -> Callable[[], Tensor]:
    """An inverted file per class: old keys leave it, new ones come, the queries of all other classes look into it."""
    keys, queries = (unit(part).numpy() for part in (case.keys, case.queries))
    ids, y = case.key_y.numpy(), case.y.numpy()
    files = [_file(keys, np.flatnonzero(ids == label)) for label in range(CLASSES)]
    fresh = np.arange(len(y))

    def step() -> Tensor:
        best, found = np.full(len(y), -np.inf), np.full(len(y), -1)
        for label, index in enumerate(files):
            rows = fresh[ids[: len(y)] == label]
            index.remove_ids(faiss.IDSelectorArray(rows))
            index.add_with_ids(keys[rows], rows)
            asking = np.flatnonzero(y != label)
            near, where = (part[:, 0] for part in index.search(queries[asking], 1))
            wins = near > best[asking]
            best[asking[wins]], found[asking[wins]] = near[wins], where[wins]
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
    """CPU seconds of a step, the least of the rounds."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        step()
        taken.append(time.process_time() - started)
    return min(taken)


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
        case = scene(size, options.batch, options.width)
        ways = {"exact": exact(case), "flat": flat(case), "ivf": inverted(case)}
        same = (ways["exact"]() == ways["ivf"]()).float().mean()
        taken = {name: 1000 * seconds(step, options.rounds) for name, step in ways.items()}
        ratio = taken["exact"] / taken["ivf"]
        print(f"{size:>9,}" + "".join(f"{value:>9.2f}" for value in taken.values()) + f"{same:>24.1%}")
    print(f"exact_over_ivf={ratio:.2f}")


if __name__ == "__main__":
    main()
