"""Do the figures of the shipped studies still hold the same numbers? Run before and after a change, then compare.

python benchmarks/figure_arrays.py write FOLDER
python benchmarks/figure_arrays.py compare BEFORE AFTER
"""

import base64
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tla
from tla.plots import draw

STUDIES = ("digits", "digits-pool", "mnist-robust", "cifar10-small")


def write(folder: Path) -> None:
    """One JSON a figure: what every registered figure draws from every shipped study that has its tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for study in STUDIES:
        for name in tla.FIGURES.names():
            try:
                figure = draw(name, tla.open_study(study))
            except FileNotFoundError as error:
                print(f"{study}/{name}: left out: {error}")
                continue
            (folder / f"{study}_{name}.json").write_text(json.dumps(plain(figure.to_plotly_json()), indent=0))


def plain(value: Any) -> Any:
    """Lists, dicts, numbers and texts."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every number and text of a figure with its place."""
    if isinstance(value, dict) and "bdata" in value:
        numbers = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        yield from leaves(numbers.tolist(), path)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def same(before: Any, after: Any) -> bool:
    """Equal, or numbers that are equal to seven digits (figures hold some of theirs in float32)."""
    if isinstance(before, int | float) and isinstance(after, int | float):
        both_nan = math.isnan(before) and math.isnan(after)
        return both_nan or math.isclose(before, after, rel_tol=1e-7, abs_tol=1e-9)
    return before == after


def kind(path: str) -> str:
    """The place of a number without its position: data[3].error_y.array."""
    return re.sub(r"\[\d+\]$", "", path)


def compare(before: Path, after: Path) -> int:
    """Print what differs, numbers and texts apart.

    Returns:
        How many figures hold other numbers.
    """
    changed, names = 0, sorted({file.name for folder in (before, after) for file in folder.glob("*.json")})
    for name in names:
        files = [folder / name for folder in (before, after)]
        if not all(file.exists() for file in files):
            print(f"{name}: only {'before' if files[0].exists() else 'after'}")
            changed += 1
            continue
        old, new = (dict(leaves(json.loads(file.read_text()))) for file in files)
        places = [path for path in old.keys() | new.keys() if not same(old.get(path), new.get(path))]
        texts = sorted(p for p in places if all(isinstance(side.get(p, ""), str) for side in (old, new)))
        numbers = sorted(set(places) - set(texts))
        changed += bool(numbers)
        for where in dict.fromkeys(map(kind, numbers)):
            pairs = [(old.get(p), new.get(p)) for p in numbers if kind(p) == where]
            gaps = [abs(a - b) for a, b in pairs if isinstance(a, int | float) and isinstance(b, int | float)]
            print(f"{name}: {where}: {len(pairs)} numbers differ, by {max(gaps, default=math.nan):.3g} at most")
        for path in texts:
            print(f"{name}: {path}: {old.get(path)!r} -> {new.get(path)!r}")
    print(f"figures={len(names)} changed={changed}")
    return changed


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(Path(sys.argv[2]))
    else:
        compare(Path(sys.argv[2]), Path(sys.argv[3]))
