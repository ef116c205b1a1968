"""What a study costs from an empty folder: wall time and peak memory of `tla study RECIPE ...`.

    python benchmarks/study.py digits
    python benchmarks/study.py mnist --methods at tla --data FOLDER

Runs the command in a temporary folder and a process of its own; prints the steps with their seconds, then a summary.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Run the study once and print what it cost."""
    words = sys.argv[1:] or ["digits"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tla.cli", "study", *words, "--out", f"{folder}/study"]
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        first = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        again = time.perf_counter() - begun
        steps = json.loads((Path(folder) / "study" / "manifest.json").read_text())["steps"]
    for name, step in steps.items():
        print(f"{name:<24} {step['facts']['seconds']:8.1f} s")
    print(f"seconds={first:.1f} again={again:.2f} peak_gib={peak:.2f}")


if __name__ == "__main__":
    main()
