"""Startup times: imports, help, and a study with nothing left to do.

    python benchmarks/startup.py [STUDY]

Runs each command five times in a separate process; prints the median and range of the wall times, and the peak memory.
`beyond_torch` is the time of `import tla` after `import torch`.
"""

import resource
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import tla": [sys.executable, "-c", "import tla"],
    "import torch": [sys.executable, "-c", "import torch"],
    "import torch, tla": [sys.executable, "-c", "import torch, tla"],
    "tla --help": [sys.executable, "-m", "tla.cli", "--help"],
    "tla study --help": [sys.executable, "-m", "tla.cli", "study", "--help"],
}


def measure(command: list[str], rounds: int = 5) -> tuple[float, float]:
    """Median and range of the wall time of a command, in seconds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return statistics.median(times), max(times) - min(times)


def main() -> None:
    """Print one line per command, then the summary line."""
    commands = dict(COMMANDS)
    if len(sys.argv) > 1:
        commands["study again"] = [sys.executable, "-m", "tla.cli", "study", sys.argv[1]]
    medians = {}
    for name, command in commands.items():
        medians[name], spread = measure(command)
        print(f"{name:<20} {medians[name]:6.3f} s  (range {spread:.3f} s, n = 5)")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    bare = medians["python -c pass"]
    beyond = medians["import torch, tla"] - medians["import torch"]
    print(f"peak memory of any of them: {peak:.2f} GiB")
    print(
        f"import_tla={medians['import tla'] - bare:.3f}s beyond_torch={beyond:.3f}s help={medians['tla --help']:.3f}s"
    )


if __name__ == "__main__":
    main()
