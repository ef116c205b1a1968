"""What retrieval, measures and maps cost, against raw FAISS.

    python benchmarks/retrieval.py                     # exact 60,000 x 640, approximate 1,000,000 x 256
    python benchmarks/retrieval.py --gallery 100000    # a smaller approximate gallery
    python benchmarks/retrieval.py --measures --maps   # also 10,000 pairs of 256-d, and UMAP of 10,000 + 10,000

Embeddings are synthetic: 1,000 clusters, each spread over 16 directions of its own with a little noise in all, behind a
ReLU. Rounds of ours and of raw FAISS alternate; medians are printed. Memory: 1 GB of float32 for a million vectors of
256, and as much again while FAISS holds a copy for comparison.
"""

import argparse
import dataclasses
import os
import resource
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import faiss
import numpy as np
import torch
from torch import Tensor

from tla.distances import unit
from tla.projection import PROJECTIONS, Points, map_frame, trustworthiness
from tla.representation import Gallery, measure
from tla.retrieval import GalleryIndex, map_at_r
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
            some = y[start : start + CHUNK]
            order = some.argsort()
            part = self.centre[some] + 0.05 * torch.randn(len(some), values.shape[1], generator=rng)
            ends = torch.bincount(some, minlength=len(self.centre)).cumsum(0).tolist()
            for cluster, (low, high) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                rows = order[low:high]
                part[rows] += torch.randn(len(rows), 16, generator=rng) @ self.spread[cluster]
            values[start : start + CHUNK] = part.relu()
        return values, y


def world(d: int) -> World:
    """The same clusters every time."""
    rng = torch.Generator().manual_seed(0)
    return World(torch.randn(CLUSTERS, d, generator=rng), 0.15 * torch.randn(CLUSTERS, 16, d, generator=rng))


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def memory() -> float:
    """Largest resident memory so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def exact(rounds: int, queries: int, gallery: int, d: int) -> float:
    """Our exact search against FAISS's own, same vectors, same k."""
    drawn = world(d)
    vectors, y = drawn.draw(gallery, 1)
    asked, _ = drawn.draw(queries, 2)
    build = time.perf_counter()
    index = GalleryIndex.build(vectors, y, kind="exact", gpu=False)
    build = time.perf_counter() - build
    raw = faiss.IndexFlatIP(d)
    raw.add(index.vectors.numpy())
    units = unit(asked).numpy()
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(seconds(lambda: raw.search(units, 10)))
        ours.append(seconds(lambda: index.search(asked, 10)))
    ratio = statistics.median(ours) / statistics.median(theirs)
    same = float((index.search(asked[:500], 10).position.numpy() == raw.search(units[:500], 10)[1]).mean())
    print(f"exact {queries} queries in {gallery} x {d}: ours {statistics.median(ours):.2f} s, raw FAISS")
    print(f"  {statistics.median(theirs):.2f} s (rounds {_list(ours)} and {_list(theirs)}); build {build:.2f} s;")
    print(f"  same neighbours at the same rank {same:.4f}; peak memory {memory():.2f} GB")
    return ratio


class Approximate(NamedTuple):
    """What an approximate index reaches."""

    recall: float
    speedup: float


def approximate(rounds: int, gallery: int, d: int, probes: list[int], pool: int) -> Approximate:
    """IVF-PQ against exact search, at one or several settings; the last is reported."""
    drawn = world(d)
    vectors, y = drawn.draw(gallery, 1)
    asked, _ = drawn.draw(10_000, 2)
    some = asked[:1000]
    flat = GalleryIndex.build(vectors, y, kind="exact", gpu=False)
    truth = flat.search(some, 10).position
    exact_rate = len(some) / statistics.median(seconds(lambda: flat.search(some, 10)) for _ in range(rounds))
    print(f"approximate in {gallery} x {d}: exact {exact_rate:.0f} queries/s; peak memory {memory():.2f} GB")
    vectors = flat.vectors
    del flat
    start = time.perf_counter()
    index = GalleryIndex.build(vectors, y, kind="approximate", gpu=False)
    engine = index.engine
    assert isinstance(engine, IvfPq)
    codes = len(index) * (engine.index.code_size + 8) / 1e6
    print(f"  build {time.perf_counter() - start:.1f} s; codes {codes:.0f} MB, vectors {gallery * d * 4e-6:.0f} MB")
    result = Approximate(0.0, 0.0)
    for count in probes:
        index = dataclasses.replace(index, engine=dataclasses.replace(engine, probes=count, pool=pool))
        found = index.search(some, 10).position
        recall = float((found[:, :, None] == truth[:, None]).any(2).float().mean())
        rate = len(asked) / statistics.median(
            seconds(lambda index=index: index.search(asked, 10)) for _ in range(rounds)
        )
        result = Approximate(recall, rate / exact_rate)
        text = f"recall@10 {recall:.4f}, {rate:.0f} queries/s, {result.speedup:.1f}x exact"
        print(f"  probes {count:3d} pool {pool}: {text}")
    print(f"  peak memory {memory():.2f} GB")
    return result


def measures(rounds: int) -> None:
    """Every measure of 10,000 pairs of 256-d, gallery of 60,000; and MAP@R."""
    drawn = world(256)
    gallery, cluster = drawn.draw(60_000, 1)
    clean, y = drawn.draw(10_000, 2)
    moved = (clean + 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))).relu()
    head = torch.randn(256, 10, generator=torch.Generator().manual_seed(4))
    sides = [Outputs(embedding @ head, embedding) for embedding in (clean, moved)]
    natural = Gallery(gallery, cluster % 10)
    index = GalleryIndex.build(gallery, cluster % 10, gpu=False)
    for name, search in (("torch", None), ("FAISS", index.positions)):
        taken = [
            seconds(lambda look=search: measure(sides[0], sides[1], y % 10, natural, search=look))
            for _ in range(rounds)
        ]
        print(f"measures of 10,000 pairs, gallery 60,000 x 256, neighbours by {name}: {statistics.median(taken):.2f} s")
    taken = seconds(lambda: map_at_r(clean, y % 10, gallery, cluster % 10))
    print(f"MAP@R of 10,000 queries, R about 6,000: {taken:.2f} s; peak memory {memory():.2f} GB")


def maps() -> None:
    """UMAP of 10,000 clean and 10,000 attacked embeddings, and of 100,000 by a sample."""
    drawn = world(256)
    for n, sample in ((10_000, None), (50_000, 5_000)):
        clean, y = drawn.draw(n, 2)
        moved = (clean + 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))).relu()
        umap = PROJECTIONS.build("umap")
        start = time.perf_counter()
        frame = map_frame(umap, Points(clean, y), Points(moved, y), y, sample=sample)
        taken = time.perf_counter() - start
        places = torch.tensor(frame[["u", "v"]].to_numpy(np.float32))
        trust = trustworthiness(torch.cat([clean, moved]), places, anchors=500)
        print(f"{frame['projection'][0]} of {n} + {n} x 256: {taken:.1f} s, trustworthiness {trust:.3f}")


def _list(values: list[float]) -> str:
    return "/".join(f"{value:.2f}" for value in values)


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=10_000, help="of the exact search in 60,000 x 640")
    parser.add_argument("--gallery", type=int, default=1_000_000, help="vectors of 256 in the approximate index")
    parser.add_argument("--probes", type=int, nargs="+", default=[16], help="cells looked into; the last is reported")
    parser.add_argument("--pool", type=int, default=10, help="candidates measured exactly per wanted neighbour")
    parser.add_argument("--measures", action="store_true")
    parser.add_argument("--maps", action="store_true")
    options = parser.parse_args()
    threads = f"{torch.get_num_threads()} threads, {os.cpu_count()} cores"
    print(f"FAISS {faiss.__version__}, torch {torch.__version__}, {threads}")
    ratio = exact(options.rounds, options.queries, 60_000, 640)
    if options.measures:
        measures(options.rounds)
    if options.maps:
        maps()
    found = approximate(options.rounds, options.gallery, 256, options.probes, options.pool)
    print(f"exact_over_faiss={ratio:.3f} ivf_recall10={found.recall:.4f} ivf_speedup={found.speedup:.1f}")


if __name__ == "__main__":
    main()
