"""What workers bring: a study with two workers of one thread against one process with two threads.

    python benchmarks/workers.py [--recipe digits] [--many 30] [--out FOLDER]

Both are timed in turn, from the command to the exit, on a machine that must be quiet. Then as many small digits models
are trained and attacked in one process and on two workers. Memory is the largest resident memory of any process while
a study runs, read ten times a second. `identical` is 1 if two workers and one process with one thread write the same
numbers (all tables but for the times, all arrays and weights). Last line: workers_speedup, many_speedup, peak_gib (of
the largest process with workers), one_gib (of one process), identical, study_s (seconds with two workers).
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import psutil
from safetensors.numpy import load_file

from tla.store import Store

MANY = """
base = "digits"
name = "many"
methods = ["at"]
seeds = {seeds}
[model]
width = 8
embedding = 32
[train]
epochs = 10
[attack]
examples = 200
batch = 200
detection_eps = []
[attack.suite]
pgd = {{ name = "pgd", steps = 20 }}
[analysis]
projection = "pca"
adaptive = []
layers = false
audit = false
trajectories = 0
ranking = 0
transfer = 0
"""
TIMES = ["seconds", "images_per_second"]


class Run(NamedTuple):
    """One study.

    Attributes:
        seconds: From start to exit.
        gib: Largest resident memory of one of its processes.
        folder: Where it lies.
    """

    seconds: float
    gib: float
    folder: Path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--many", type=int, default=30, help="models of the second measurement; 0 leaves it out")
    parser.add_argument("--out", type=Path, help="where the studies are kept")
    words = parser.parse_args()
    out = words.out or Path(tempfile.mkdtemp(prefix="tla-workers-"))
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPU cores, {platform.python_version()}")
    one = timed(words.recipe, out / "one", threads=2)
    two = timed(words.recipe, out / "two", workers=2)
    other = differences(timed(words.recipe, out / "thread", threads=1).folder, two.folder)
    print(f"other numbers in: {', '.join(other) or 'nothing'}")
    speedup, peak = one.seconds / two.seconds, two.gib
    many = float("nan")
    if words.many:
        recipe = out / "many.toml"
        recipe.write_text(MANY.format(seeds=list(range(words.many))), encoding="utf-8")
        first = timed(str(recipe), out / "many-one", threads=2)
        second = timed(str(recipe), out / "many-two", workers=2)
        many, peak = first.seconds / second.seconds, max(peak, second.gib)
    print(
        f"workers_speedup={speedup:.2f} many_speedup={many:.2f} peak_gib={peak:.2f} one_gib={one.gib:.2f} "
        f"identical={int(not other)} study_s={two.seconds:.0f}"
    )


def timed(recipe: str, folder: Path, *, threads: int = 1, workers: int = 1) -> Run:
    """Run a study in a process of its own.

    Args:
        recipe: The argument of `tla study`.
        folder: The study folder; must be new.
        threads: Of a single process.
        workers: How many.
    """
    command = [sys.executable, "-m", "tla", "study", recipe, "--out", str(folder), "--workers", str(workers)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    started, largest = time.perf_counter(), [0.0]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    watch = threading.Thread(target=_watch, args=(process, largest))
    watch.start()
    if process.wait():
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    seconds = time.perf_counter() - started
    watch.join()
    how = f"{workers} workers of 1 thread" if workers > 1 else f"1 process of {threads} threads"
    print(f"{Path(recipe).stem:<8} {how:<24} {seconds:7.1f} s, largest process {largest[0]:.2f} GiB", flush=True)
    return Run(seconds, largest[0], folder)


def _watch(process: subprocess.Popen[bytes], largest: list[float]) -> None:
    try:
        root = psutil.Process(process.pid)
        while process.poll() is None:
            for one in (root, *root.children(recursive=True)):
                try:
                    largest[0] = max(largest[0], one.memory_info().rss / 2**30)
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.1)
    except psutil.NoSuchProcess:
        return


def differences(one: Path, other: Path) -> list[str]:
    """Tables and files in which two studies hold other numbers, but for the times."""
    stores = Store(one), Store(other)
    names = sorted({name for store in stores for name in store.tables()})
    files = sorted({file.relative_to(folder) for folder in (one, other) for file in folder.rglob("*.safetensors")})
    tables = [name for name in names if not _same_tables(name, *stores)]
    return tables + [str(file) for file in files if not _same_arrays(one / file, other / file)]


def _same_tables(name: str, one: Store, other: Store) -> bool:
    if not (one.has_table(name) and other.has_table(name)):
        return False
    here, there = (store.table(name).drop(columns=TIMES, errors="ignore") for store in (one, other))
    try:
        pd.testing.assert_frame_equal(here, there, check_exact=True)
    except AssertionError:
        return False
    return True


def _same_arrays(one: Path, other: Path) -> bool:
    if not (one.exists() and other.exists()):
        return False
    here, there = load_file(one), load_file(other)
    return here.keys() == there.keys() and all(
        np.array_equal(here[key], there[key], equal_nan=here[key].dtype.kind == "f") for key in here
    )


if __name__ == "__main__":
    main()
