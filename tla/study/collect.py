"""Joins what was written per model into the study's tables."""

from pathlib import Path

import pandas as pd

from tla.config import digest
from tla.store import Store
from tla.study.bench import Bench, Step, Tell, Trained, Written

TABLES = (
    "history",
    "attacks",
    "shift",
    "map",
    "trust",
    "detection",
    "neighbours",
    "retrieval",
    "trajectory",
    "layers",
    "audit",
)


def write_part(store: Store, table: str, trained: Trained, frame: pd.DataFrame) -> str:
    """Keep one model's rows of a table; method and seed are put in front."""
    rows = frame.copy()
    rows.insert(0, "method", trained.method)
    rows.insert(1, "seed", trained.seed)
    return store.write_table(f"parts/{table}/{trained.key}", rows)


def step(bench: Bench, models: list[Trained], digests: list[str]) -> Step:
    """Writes tables/<name>.parquet from the parts of all models."""
    return Step("tables", digest(digests), 0.2, lambda tell: _run(bench, models, tell))


def _run(bench: Bench, models: list[Trained], tell: Tell) -> Written:
    files = []
    for i, table in enumerate(TABLES):
        tell(i / len(TABLES), table)
        names = [f"parts/{table}/{model.key}" for model in models]
        frames = [bench.store.table(name) for name in names if bench.store.has_table(name)]
        if frames:
            files.append(bench.store.write_table(table, pd.concat(frames, ignore_index=True)))
    return Written(files, ", ".join(Path(file).stem for file in files))
