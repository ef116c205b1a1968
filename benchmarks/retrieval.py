"""What retrieval, measures and maps cost, against raw FAISS.

    python benchmarks/retrieval.py                     # exact 60,000 x 640, approximate 1,000,000 x 256
    python benchmarks/retrieval.py --gallery 100000    # a smaller approximate gallery
    python benchmarks/retrieval.py --measures --maps   # also 10,000 pairs, and UMAP of 10,000 + 10,000
    python benchmarks/retrieval.py --threads 1 --clock cpu   # on a shared machine

Embeddings are synthetic: 1,000 clusters, each spread over 16 directions of its own with a little noise in all, behind a
ReLU. Rounds of ours and of raw FAISS alternate; medians are printed. Memory: 1 GB of float32 for a million vectors of
256, and as much again while FAISS holds a copy for comparison. Peaks are per section, above what was in use before it,
where the system reports them.
"""

import argparse
import dataclasses
import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np
import torch
from torch import Tensor

from tla.distances import unit
from tla.projection import PROJECTIONS, Points, map_frame, trustworthiness
from tla.ranking import map_at_r
from tla.representation import Gallery, cka_interval, measure
from tla.retrieval import GalleryIndex
from tla.retrieval.engines import IvfPq
from tla.types import Outputs

CLUSTERS = 1000
CHUNK = 50_000


class World(NamedTuple):
    """Clusters that embeddings are drawn from."""

    centre: Tensor
    spread: Tensor

    def draw(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """Embeddings and their clusters."""
        rng = torch.Generator().manual_seed(seed)
        y = torch.randint(len(self.centre), (n,), generator=rng)
        values = torch.empty(n, self.centre.shape[1])
        for start in range(0, n, CHUNK):
            chunk = y[start : start + CHUNK]
            order = chunk.argsort()
            drawn = self.centre[chunk] + 0.05 * torch.randn(len(chunk), values.shape[1], generator=rng)
            ends = torch.bincount(chunk, minlength=len(self.centre)).cumsum(0).tolist()
            for cluster, (low, high) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                rows = order[low:high]
                drawn[rows] += torch.randn(len(rows), 16, generator=rng) @ self.spread[cluster]
            values[start : start + CHUNK] = drawn.relu()
        return values, y


def world(d: int) -> World:
    """The same clusters every time."""
    rng = torch.Generator().manual_seed(0)
    return World(torch.randn(CLUSTERS, d, generator=rng), 0.15 * torch.randn(CLUSTERS, 16, d, generator=rng))


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Which clock times the calls, and how often.

    Args:
        name: "wall" seconds, or "cpu" seconds of this process over all threads.
        rounds: Calls per median.
    """

    name: str
    rounds: int

    def __call__(self, call: Callable[[], object]) -> float:
        """Seconds of one call."""
        now = time.process_time if self.name == "cpu" else time.perf_counter
        start = now()
        call()
        return now() - start

    def median(self, call: Callable[[], object]) -> float:
        """Median seconds over all rounds."""
        return statistics.median(self(call) for _ in range(self.rounds))


class Peak:
    """Peak resident memory in GB since creation, above what was in use then."""

    def __init__(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")  # resets the system's peak
            self.before = self._now()
        except OSError:
            self.before = float("nan")

    def _now(self) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6

    def __str__(self) -> str:
        return "unknown" if math.isnan(self.before) else f"{self._now() - self.before:.2f} GB"


def exact(clock: Clock, queries: int, gallery: int, d: int) -> float:
    """Our exact search against raw FAISS, same vectors, same k."""
    clusters = world(d)
    vectors, y = clusters.draw(gallery, 1)
    embedding, _ = clusters.draw(queries, 2)
    peak = Peak()
    build = clock(lambda: GalleryIndex.build(vectors, y, kind="exact", gpu=False))
    index = GalleryIndex.build(vectors, y, kind="exact", gpu=False)
    raw = faiss.IndexFlatIP(d)
    raw.add(index.vectors.numpy())
    units = unit(embedding).numpy()
    ours, theirs = [], []
    for _ in range(clock.rounds):
        theirs.append(clock(lambda: raw.search(units, 10)))
        ours.append(clock(lambda: index.search(embedding, 10)))
    ratio = statistics.median(ours) / statistics.median(theirs)
    same = float((index.search(embedding[:500], 10).position.numpy() == raw.search(units[:500], 10)[1]).mean())
    print(f"exact {queries} queries in {gallery} x {d}: ours {statistics.median(ours):.2f} s, raw FAISS")
    print(f"  {statistics.median(theirs):.2f} s (rounds {_list(ours)} and {_list(theirs)}); build {build:.2f} s;")
    print(f"  same neighbours at the same rank {same:.4f}; peak memory {peak}")
    return ratio


class Approximate(NamedTuple):
    """Recall and speed of an approximate index."""

    recall: float
    speedup: float


def approximate(clock: Clock, gallery: int, d: int, probes: list[int], pool: int) -> Approximate:
    """IVF-PQ against exact search, at one or several settings; the last is reported."""
    clusters, peak = world(d), Peak()
    vectors, y = clusters.draw(gallery, 1)
    queries, _ = clusters.draw(10_000, 2)
    some = queries[:1000]
    flat = GalleryIndex.build(vectors, y, kind="exact", gpu=False)
    truth = flat.search(some, 10).position
    exact_rate = len(some) / clock.median(lambda: flat.search(some, 10))
    print(f"approximate in {gallery} x {d}: exact {exact_rate:.0f} queries/s; peak memory {peak}")
    vectors = flat.vectors
    del flat
    built = []
    build = clock(lambda: built.append(GalleryIndex.build(vectors, y, kind="approximate", gpu=False)))
    index = built.pop()
    engine = index.engine
    assert isinstance(engine, IvfPq)
    codes = len(index) * (engine.index.code_size + 8) / 1e6
    print(f"  build {build:.1f} s; codes {codes:.0f} MB, vectors {gallery * d * 4e-6:.0f} MB")
    result = Approximate(0.0, 0.0)
    for count in probes:
        index = dataclasses.replace(index, engine=dataclasses.replace(engine, probes=count, pool=pool))
        found = index.search(some, 10).position
        recall = float((found[:, :, None] == truth[:, None]).any(2).float().mean())
        rate = len(queries) / clock.median(lambda index=index: index.search(queries, 10))
        result = Approximate(recall, rate / exact_rate)
        text = f"recall@10 {recall:.4f}, {rate:.0f} queries/s, {result.speedup:.1f}x exact"
        print(f"  probes {count:3d} pool {pool}: {text}")
    print(f"  peak memory {peak}")
    return result


def measures(clock: Clock, d: int, gallery: int) -> None:
    """Every measure of 10,000 pairs, neighbours by FAISS; ten classes of a hundred clusters each."""
    clusters = world(d)
    natural, cluster = clusters.draw(gallery, 1)
    clean, y = clusters.draw(10_000, 2)
    moved = (clean + 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))).relu()
    head = torch.randn(d, 10, generator=torch.Generator().manual_seed(4))
    sides = [Outputs(embedding @ head, embedding) for embedding in (clean, moved)]
    training, peak = Gallery(natural, cluster % 10), Peak()
    index = GalleryIndex.build(natural, cluster % 10, gpu=False)

    def whole() -> None:
        measure(sides[0], sides[1], y % 10, training, search=index.positions)
        cka_interval(clean[:2000], moved[:2000])

    print(f"measures of 10,000 pairs, gallery {gallery} x {d}: {clock.median(whole):.2f} s, peak memory {peak};")
    taken = clock(lambda: map_at_r(clean, y % 10, natural, cluster % 10))
    print(f"  of these MAP@R of 10,000 queries, R about {gallery // 10}: {taken:.2f} s, twice")


def maps(clock: Clock, n: int, sample: int | None) -> None:
    """UMAP of clean and attacked embeddings, all of them or a sample."""
    clean, y = world(256).draw(n, 2)
    moved = (clean + 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))).relu()
    sides, frames, peak = [Points(clean, y), Points(moved, y)], [], Peak()
    taken = clock(lambda: frames.append(map_frame(PROJECTIONS.build("umap"), sides[0], sides[1], y, sample=sample)))
    frame = frames.pop()
    places = torch.tensor(frame[["u", "v"]].to_numpy(np.float32))
    trust = trustworthiness(torch.cat([clean, moved]), places, anchors=500)
    print(f"{frame['projection'][0]} of {n} + {n} x 256: {taken:.1f} s, peak memory {peak},")
    print(f"  trustworthiness {trust:.3f} (500 anchors)")


def _list(values: list[float]) -> str:
    return "/".join(f"{value:.2f}" for value in values)


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=10_000, help="of the exact search in 60,000 x 640")
    parser.add_argument("--gallery", type=int, default=1_000_000, help="vectors of 256 in the approximate index")
    parser.add_argument("--probes", type=int, nargs="+", default=[16], help="cells to search; the last is reported")
    parser.add_argument("--pool", type=int, default=10, help="candidates per neighbour with exact distances")
    parser.add_argument("--measures", action="store_true")
    parser.add_argument("--maps", action="store_true")
    parser.add_argument("--threads", type=int, default=0, help="0 keeps the libraries' default")
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"], help="cpu: of this process, all threads")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
        faiss.omp_set_num_threads(options.threads)
    clock = Clock(name=options.clock, rounds=options.rounds)
    threads = f"{torch.get_num_threads()} threads, {os.cpu_count()} cores"
    print(f"FAISS {faiss.__version__}, torch {torch.__version__}, {threads}, {options.clock} clock")
    ratio = exact(clock, options.queries, 60_000, 640)
    if options.measures:
        for d, gallery in ((256, 10_000), (256, 60_000), (640, 60_000)):
            measures(clock, d, gallery)
    if options.maps:
        maps(clock, 10_000, None)
        maps(clock, 50_000, 5_000)
    found = approximate(clock, options.gallery, 256, options.probes, options.pool)
    print(f"exact_over_faiss={ratio:.3f} ivf_recall10={found.recall:.4f} ivf_speedup={found.speedup:.1f}")


if __name__ == "__main__":
    main()
