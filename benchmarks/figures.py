"""How long a figure takes to build and how large its JSON is, for 10,000 points.

    python benchmarks/figures.py                 every figure: 6 methods x 1,667 test images
    python benchmarks/figures.py --points 50000  more
    python benchmarks/figures.py --study DIR     the tables of a study instead

The tables are synthetic, with the columns of a study's and with all attacks and detectors (90,000 rows of attacks); a
map shows 10,000 clean images, and as many adversarial ones to choose arrows from. Build time covers the figure function
and its JSON, at the dashboard's width, in rounds over all figures after a warm-up round: the minimum processor time
(one thread builds a figure, so other load on the machine hardly matters) and the median wall-clock time. Poster and
report combine several figures and are listed separately. Last line: the slowest and the largest single figure.
"""

import argparse
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tla.plots import FIGURES, look_of
from tla.plots.drawing.pictures import Pictures
from tla.plots.report import write_report
from tla.statistics.roc import bootstrap_bounds
from tla.store import Store

METHODS = 6
COMBINED = ("poster",)
"""Figures that combine others."""


def synthetic(points: int, folder: Path) -> Store:
    """A study of synthetic tables with `points` points in a figure of all methods."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
    from synthetic import World, write_store

    return write_store(folder / "study", World(n=-(-points // METHODS)))


def drawing(name: str, store: Store) -> Callable[[], Any] | None:
    """A call that draws a figure from tables already read, as the dashboard does; None if the study lacks a table."""
    function = FIGURES.get(name)
    if not all(store.has_table(table) for table in function.tables):
        return None
    frames = [store.table(table) for table in function.tables]
    extra: dict[str, Any] = {table: store.table(table) for table in function.optional if store.has_table(table)}
    if function.example is not None:
        extra |= function.example(store)
    if name in ("neighbour_rows", "poster"):
        extra["pictures"] = Pictures.of(store, ())
    look = look_of(store)
    return lambda: function(*frames, look=look, **extra)


class Cost(NamedTuple):
    """What a figure costs: milliseconds of processor time (minimum) and wall-clock (median), megabytes of JSON."""

    processor: float
    clock: float
    size: float


def measure(drawings: dict[str, Callable[[], Any]], rounds: int) -> dict[str, Cost]:
    """Draw every figure and write its JSON, `rounds` times in turn, so that other load affects all alike."""
    size = {name: len(str(draw().to_json())) / 1e6 for name, draw in drawings.items()}
    times = [{name: _once(draw) for name, draw in drawings.items()} for _ in range(rounds)]
    processor = {name: min(one[name][0] for one in times) for name in drawings}
    clock = {name: statistics.median(one[name][1] for one in times) for name in drawings}
    return {name: Cost(processor[name], clock[name], size[name]) for name in drawings}


def _once(draw: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds of processor time and wall-clock, without the cached bands of ROC curves."""
    bootstrap_bounds.cache_clear()
    clock, processor = time.perf_counter(), time.process_time()
    draw().to_json()
    return 1e3 * (time.process_time() - processor), 1e3 * (time.perf_counter() - clock)


def main() -> None:
    """Measure every figure, then the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--study", type=Path)
    parser.add_argument("--only", nargs="*", help="names of figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(options.study) if options.study else synthetic(options.points, Path(folder))
        drawings: dict[str, Callable[[], Any]] = {}
        for name in options.only or FIGURES.names():
            draw = drawing(name, store)
            if draw is None:
                print(f"{name:18s} left out: the study lacks a table")
            else:
                drawings[name] = draw
        costs = measure(drawings, options.rounds)
        for name, cost in costs.items():
            print(
                f"{name:18s} {cost.processor:7.1f} ms ({cost.clock:.1f} on the clock) {cost.size:7.3f} MB", flush=True
            )
        if not options.only:
            clock, processor = time.perf_counter(), time.process_time()
            path = write_report(store, name="measured.html")
            seconds = f"{time.process_time() - processor:7.1f} s  ({time.perf_counter() - clock:.1f} on the clock)"
            print(f"{'report':18s} {seconds} {path.stat().st_size / 1e6:7.3f} MB")
            path.unlink()
    import plotly

    print(
        f"{options.points} points, {options.rounds} rounds, plotly {plotly.__version__}, "
        f"{platform.processor() or platform.machine()}"
    )
    single = [cost for name, cost in costs.items() if name not in COMBINED] or list(costs.values())
    print(f"build_ms={max(cost.processor for cost in single):.1f} json_mb={max(cost.size for cost in single):.3f}")


if __name__ == "__main__":
    main()
