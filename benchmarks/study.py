"""Wall time and peak memory of `tla study RECIPE ...` from an empty folder.

    python benchmarks/study.py digits
    python benchmarks/study.py mnist --methods at tla --data FOLDER

Runs the command in a separate process and a temporary folder; prints the seconds of each step, the accuracy under
each attack, and a summary.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tla.store import Store


def main() -> None:
    """Run the study twice and print what it cost."""
    words = sys.argv[1:] or ["digits"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tla.cli", "study", *words, "--out", f"{folder}/study"]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        first = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        again = time.perf_counter() - started
        store = Store(Path(folder) / "study")
        steps, attacks = store.manifest()["steps"], store.table("attacks")
    for name, step in steps.items():
        print(f"{name:<24} {step['facts']['seconds']:8.1f} s")
    fooled: Any = attacks.groupby(["method", "attack", "eps"], observed=True)["success"].mean()
    for (method, attack, eps), share in fooled.items():
        print(f"{method:<10} {attack:<12} eps {eps:<8.4g} {100 - 100 * share:6.1f} %")
    print(f"seconds={first:.1f} again={again:.2f} peak_gib={peak:.2f}")


if __name__ == "__main__":
    main()
