"""Joins the tables of single models into the study's tables."""

from pathlib import Path
from typing import Any, NamedTuple, cast

import pandas as pd
import torch

from tla.config import digest
from tla.projection import SimilarityTransform, map_moves
from tla.store import Store
from tla.study import costs
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace

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
    "radii",
    "radii_neighbours",
    "layers",
    "audit",
    "ranking",
    "ranking_lists",
)

ALIGNED = ("map", "trajectory", "radii")
"""Tables with places on the maps."""


def write_model_rows(store: Store, table: str, trained: TrainedModel, frame: pd.DataFrame) -> str:
    """Store one model's rows of a table, with method and seed as first columns."""
    rows = frame.copy()
    rows.insert(0, "method", trained.method)
    rows.insert(1, "seed", trained.seed)
    return store.write_table(f"parts/{table}/{trained.key}", rows)


def step(workspace: Workspace, models: list[TrainedModel], digests: list[str]) -> StudyStep:
    """Writes tables/<name>.parquet from the rows of all models."""
    return StudyStep("tables", digest(digests), costs.FIXED, lambda report: _run(workspace, models, report))


def _run(workspace: Workspace, models: list[TrainedModel], report: Report) -> StepResult:
    files, align = [], MapAlignment("", {})
    for i, table in enumerate(TABLES):
        report(i / len(TABLES), table)
        names = [f"parts/{table}/{model.key}" for model in models]
        frames = [workspace.store.table(name) for name in names if workspace.store.has_table(name)]
        if not frames:
            continue
        joined = pd.concat(frames, ignore_index=True)
        if table == "map":
            align = MapAlignment(str(joined["projection"].iloc[0]), map_moves(joined))
        files.append(workspace.store.write_table(table, align(joined) if table in ALIGNED else joined))
    return StepResult(files, ", ".join(Path(file).stem for file in files))


class MapAlignment(NamedTuple):
    """Aligns the coordinates on every model's map with the first model's map.

    Attributes:
        main: Projection of the map that trajectories are placed on.
        moves: From `tla.projection.map_moves`.
    """

    main: str
    moves: dict[tuple[Any, ...], SimilarityTransform]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The same rows, aligned."""
        drawn = frame["projection"] if "projection" in frame else pd.Series(self.main, frame.index)
        aligned = frame.copy()
        for key, rows in frame.groupby([drawn, frame["method"], frame["seed"]], sort=False):
            if key in self.moves:
                places = torch.tensor(rows[["u", "v"]].to_numpy("float32"))
                aligned.loc[rows.index, ["u", "v"]] = self.moves[cast(tuple, key)](places).numpy()
        return aligned
