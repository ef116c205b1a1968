"""Do the figures of the shipped studies still hold the same numbers? Run before and after a change, then compare.

python benchmarks/figure_arrays.py write FOLDER
python benchmarks/figure_arrays.py compare BEFORE AFTER
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tla
from tla.plots import draw

STUDIES = ("digits", "digits-pool", "mnist-robust", "cifar10")


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
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def same(before: Any, after: Any) -> bool:
    """Equal, or equal numbers to nine digits."""
    if isinstance(before, int | float) and isinstance(after, int | float):
        both_nan = math.isnan(before) and math.isnan(after)
        return both_nan or math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-12)
    return before == after


def compare(before: Path, after: Path) -> int:
    """Print what differs, numbers and texts apart; the number of figures whose numbers differ."""
    names = sorted({file.name for folder in (before, after) for file in folder.glob("*.json")})
    changed = 0
    for name in names:
        if not ((before / name).exists() and (after / name).exists()):
            print(f"{name}: only {'before' if (before / name).exists() else 'after'}")
            changed += 1
            continue
        old, new = (dict(leaves(json.loads((folder / name).read_text()))) for folder in (before, after))
        off = [path for path in old.keys() | new.keys() if not same(old.get(path), new.get(path))]
        texts = sorted(
            path for path in off if isinstance(old.get(path, ""), str) and isinstance(new.get(path, ""), str)
        )
        numbers = sorted(set(off) - set(texts))
        changed += bool(numbers)
        if numbers:
            gap = max(
                (abs(old[p] - new[p]) for p in numbers if all(isinstance(s.get(p), int | float) for s in (old, new))),
                default=math.nan,
            )
            print(f"{name}: {len(numbers)} numbers differ, by {gap:.3g} at most: {', '.join(numbers[:4])} ...")
        for path in texts:
            print(f"{name}: {path}: {old.get(path)!r} -> {new.get(path)!r}")
    print(f"figures={len(names)} changed={changed}")
    return changed


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(Path(sys.argv[2]))
    else:
        sys.exit(1 if compare(Path(sys.argv[2]), Path(sys.argv[3])) else 0)
