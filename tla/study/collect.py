"""Joins what was written per model into the study's tables."""

from pathlib import Path
from typing import Any, NamedTuple, cast

import pandas as pd
import torch

from tla.config import digest
from tla.projection import SimilarityTransform, map_moves
from tla.store import Store
from tla.study.workspace import StudyStep, Tell, Trained, Workspace, Written

TABLES = (
    "history",
    "attacks",
    "shift",
    "measures",
    "structure",
    "map",
    "trust",
    "detection",
    "neighbours",
    "retrieval",
    "trajectory",
    "path",
    "layers",
    "audit",
)


def write_part(store: Store, table: str, trained: Trained, frame: pd.DataFrame) -> str:
    """Keep one model's rows of a table; method and seed are put in front."""
    rows = frame.copy()
    rows.insert(0, "method", trained.method)
    rows.insert(1, "seed", trained.seed)
    return store.write_table(f"parts/{table}/{trained.key}", rows)


def step(workspace: Workspace, models: list[Trained], digests: list[str]) -> StudyStep:
    """Writes tables/<name>.parquet from the parts of all models."""
    return StudyStep("tables", digest(digests), 0.2, lambda tell: _run(workspace, models, tell))


def _run(workspace: Workspace, models: list[Trained], tell: Tell) -> Written:
    files, turn = [], Turn("", {})
    for i, table in enumerate(TABLES):
        tell(i / len(TABLES), table)
        names = [f"parts/{table}/{model.key}" for model in models]
        frames = [workspace.store.table(name) for name in names if workspace.store.has_table(name)]
        if not frames:
            continue
        whole = pd.concat(frames, ignore_index=True)
        if table == "map":
            turn = Turn(str(whole["projection"].iloc[0]), map_moves(whole))
        files.append(workspace.store.write_table(table, turn(whole) if table in ("map", "trajectory") else whole))
    return Written(files, ", ".join(Path(file).stem for file in files))


class Turn(NamedTuple):
    """Turns places on every model's map so that they lie like those on the first model's.

    Attributes:
        main: The map that trajectories are placed on.
        moves: See `tla.projection.map_moves`.
    """

    main: str
    moves: dict[tuple[Any, ...], SimilarityTransform]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The same rows, turned."""
        drawn = frame["projection"] if "projection" in frame else pd.Series(self.main, frame.index)
        turned = frame.copy()
        for key, rows in frame.groupby([drawn, frame["method"], frame["seed"]], sort=False):
            if key in self.moves:
                places = torch.tensor(rows[["u", "v"]].to_numpy("float32"))
                turned.loc[rows.index, ["u", "v"]] = self.moves[cast(tuple, key)](places).numpy()
        return turned
