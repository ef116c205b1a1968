"""A small study next to one busy process, and alone: how many times as long, and against one and two threads alone.

Every run is a process of its own, since threads and their waiting are settled when torch is imported:
`python benchmarks/busy.py --runs 3`. On a machine that is busy already the numbers say nothing.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPE = """
base = "digits"
methods = ["natural", "at"]
train.epochs = 2
attack.examples = 60
analysis.projection = "pca"
analysis.audit = false
"""
BUSY = "while True: pass"


def seconds(folder: Path, environment: dict[str, str]) -> float:
    """Wall time of the study in a new folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "MKL_"))}
    with tempfile.TemporaryDirectory(dir=folder) as out:
        words = [sys.executable, "-m", "tla", "study", str(folder / "busy.toml"), "--out", out]
        started = time.perf_counter()
        subprocess.run(words, env=clean | environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


def main() -> None:
    """Measure, in turn so that a drift of the machine meets all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    found: dict[str, list[float]] = {"default": [], "one thread": [], "two threads": [], "busy": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "busy.toml").write_text(RECIPE)
        for _ in range(runs):
            found["default"].append(seconds(folder, {}))
            found["one thread"].append(seconds(folder, {"OMP_NUM_THREADS": "1"}))
            found["two threads"].append(seconds(folder, {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "ACTIVE"}))
            neighbour = subprocess.Popen([sys.executable, "-c", BUSY])
            try:
                found["busy"].append(seconds(folder, {}))
            finally:
                neighbour.kill()
                neighbour.wait()
    middle = {label: statistics.median(values) for label, values in found.items()}
    for label, values in found.items():
        print(f"{label:<12} {middle[label]:6.1f} s  ({min(values):.1f} to {max(values):.1f}, n = {runs})")
    best = min(middle["one thread"], middle["two threads"])
    print(f"busy_over_quiet={middle['busy'] / middle['default']:.2f} quiet_ratio={middle['default'] / best:.2f}")


if __name__ == "__main__":
    main()
