"""How time, memory and disk of a study grow: with its test images, its gallery, and its models.

    python benchmarks/scale.py images     1,000 to 60,000 moved digits, one network, FGSM and PGD-10
    python benchmarks/scale.py gallery    10,000 to 1,000,000 embeddings of 64 numbers, read from a mapped file
    python benchmarks/scale.py models     3 to 30 networks on the digits

Each study runs alone in a process with one thread, through the command line. Seconds of the steps and memory are those
that it writes into its manifest (memory is the largest resident memory of the process); disk is what its folder takes.
Finished studies in --out are read again, without their total time. The last column is the exponent by which the total
time grew since the row above: 1 is in proportion. The figures are about size: what the networks have learned means
nothing.
"""

import argparse
import itertools
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from large_study import is_finished, make_study, write_digits
from workers import MANY

from tla.store import Store

SIZES = {"images": (1000, 4000, 16_000, 60_000), "gallery": (10_000, 100_000, 1_000_000), "models": (3, 10, 30)}
IMAGES = """
base = "digits"
name = "images"
methods = ["at"]
[source]
name = "npz"
path = "{path}"
[train]
epochs = 3
[attack]
examples = {count}
batch = 500
main = "pgd"
detection_eps = [0.15]
[attack.suite]
fgsm = {{ name = "fgsm" }}
pgd = {{ name = "pgd", steps = 10 }}
"""
WIDTH, CLASSES, QUERIES = 64, 10, 1000


class Grown(NamedTuple):
    """One study.

    Attributes:
        size: How many images, embeddings or models.
        seconds: From start to exit.
        steps: Seconds of each kind of step, all models together.
        gib: Largest resident memory.
        megabytes: What the folder takes on disk.
        report: Size of the report alone, in megabytes.
    """

    size: int
    seconds: float
    steps: dict[str, float]
    gib: float
    megabytes: float
    report: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*SIZES])
    parser.add_argument("--sizes", type=int, nargs="+", help="by default those above")
    parser.add_argument("--out", type=Path, help="where the studies are kept")
    words = parser.parse_args()
    out = words.out or Path(tempfile.mkdtemp(prefix="tla-scale-"))
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Grown] = []
    for size, recipe in recipes(words.part, words.sizes or SIZES[words.part], out):
        rows.append(measured(size, recipe, out / f"{words.part}-{size}"))
        print(rows[-1], flush=True)
    frame = table(rows, words.part)
    lines = [frame.columns, ["---"] * len(frame.columns), *frame.itertuples(index=False)]
    for line in lines:
        print("|", " | ".join(f"{cell:,.4g}" if isinstance(cell, float) else f"{cell}" for cell in line), "|")


def recipes(part: str, sizes: tuple[int, ...], out: Path) -> Iterator[tuple[int, str]]:
    """What `tla study` is called with for each size, after its data were written."""
    for size in sizes:
        if part == "gallery":
            yield size, f"embeddings:{write_embeddings(out / f'embeddings-{size}', size)}"
            continue
        recipe = out / f"{part}-{size}.toml"
        text = (
            MANY.format(seeds=[*range(size)])
            if part == "models"
            else IMAGES.format(path=write_digits(out / f"digits-{size}.npz", size), count=size)
        )
        recipe.write_text(text, encoding="utf-8")
        yield size, str(recipe)


def write_embeddings(folder: Path, count: int) -> Path:
    """A gallery of so many embeddings around ten centres, test images of the same, and these moved to a neighbour."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    y = rng.integers(0, CLASSES, count)
    gallery = np.lib.format.open_memmap(folder / "gallery.npy", "w+", np.float32, (count, WIDTH))
    for start in range(0, count, 50_000):
        some = y[start : start + 50_000]
        gallery[start : start + 50_000] = centres[some] + rng.normal(size=(len(some), WIDTH)) * 0.7
    gallery.flush()
    labels = rng.integers(0, CLASSES, QUERIES)
    test = centres[labels] + rng.normal(size=(QUERIES, WIDTH)) * 0.7
    moved = test + 0.6 * (centres[(labels + 1) % CLASSES] - centres[labels])
    for name, values in {"test": test, "moved": moved}.items():
        np.save(folder / f"{name}.npy", values.astype(np.float32))
    np.save(folder / "y_gallery.npy", y)
    np.save(folder / "y_test.npy", labels)
    return folder


def measured(size: int, recipe: str, folder: Path) -> Grown:
    """Run a study in a process of its own, unless it is finished, and read what it wrote down."""
    seconds = math.nan
    if not is_finished(folder):
        started = time.perf_counter()
        make_study(recipe, folder)
        seconds = time.perf_counter() - started
    steps: dict[str, float] = {}
    peak = 0.0
    for name, step in Store(folder).manifest()["steps"].items():
        kind = name.partition("/")[0]
        steps[kind] = steps.get(kind, 0.0) + step["facts"]["seconds"]
        peak = max(peak, step["facts"]["peak_memory_gib"])
    disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    return Grown(size, seconds, steps, peak, disk, (folder / "report.html").stat().st_size / 1e6)


def table(rows: list[Grown], part: str) -> pd.DataFrame:
    """A row for each size."""
    sizes = {"MB": [row.megabytes for row in rows], "report MB": [row.report for row in rows]}
    frame = pd.DataFrame([{part: row.size, **row.steps, "all, s": row.seconds, "GiB": row.gib} for row in rows])
    grown = [math.nan]
    for before, after in itertools.pairwise(rows):
        grown.append(math.log(after.seconds / before.seconds) / math.log(after.size / before.size))
    return frame.assign(**sizes, growth=grown)


if __name__ == "__main__":
    main()
