"""How an attack changes a neighbourhood: neighbours that enter and leave, also step by step."""

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.retrieval.gallery import GalleryIndex


def turnover(neighbours: pd.DataFrame) -> pd.DataFrame:
    """Which neighbours of each image left and entered under the attack.

    Args:
        neighbours: Rows of the `neighbours` table of one model, with both kinds.

    Returns:
        One row per image and neighbour, columns id, y, neighbour, neighbour_y, change ("stayed", "left", "entered"),
        rank_clean, rank_adversarial (NaN if it is not a neighbour); in order of id, then rank.
    """
    keys = ["id", "y", "neighbour", "neighbour_y"]
    sides = {kind: neighbours.loc[neighbours["kind"] == kind, [*keys, "rank"]] for kind in ("clean", "adversarial")}
    both = sides["clean"].merge(
        sides["adversarial"], how="outer", on=keys, suffixes=("_clean", "_adversarial"), indicator="change"
    )
    words = {"both": "stayed", "left_only": "left", "right_only": "entered"}
    both["change"] = both["change"].astype(str).map(words)
    both = both.sort_values(["id", "rank_clean", "rank_adversarial"], ignore_index=True)
    order = [*keys, "change", "rank_clean", "rank_adversarial"]
    return both.drop(columns=both.columns.difference(order)).reindex(columns=order)


def neighbour_path(
    index: GalleryIndex,
    path: Float[Tensor, "s d"],
    steps: Int[Tensor, " t"],
    y: int,
    k: int = 10,
    *,
    without: int | None = None,
) -> pd.DataFrame:
    """The neighbours of one image along an attack.

    Args:
        index: The gallery of natural embeddings.
        path: The image's embedding at each recorded step, in order, shape (s, d).
        steps: Their step numbers, shape (s,).
        y: The image's true class.
        k: Neighbours at each step.
        without: The image's id, if gallery and image are of one split: it is left out.

    Returns:
        s * k rows, columns step, rank (from 1), neighbour, neighbour_y, own (True if its class is y), distance,
        entered (True if it was not a neighbour one step earlier; all False at the first step).

    Raises:
        ValueError: for a path that does not match the gallery or the number of steps.
    """
    if len(path) != len(steps):
        raise ValueError(f"path and steps must have the same length, got {len(path)} and {len(steps)}")
    itself = None if without is None else torch.full((len(path),), without)
    found = index.search(path, k, without=itself)
    before: set[int] = set(found.id[0].tolist()) if len(path) else set()
    entered: list[bool] = []
    for row in found.id.tolist():
        entered += [neighbour not in before for neighbour in row]
        before = set(row)
    columns = {
        "step": steps.cpu().repeat_interleave(k).numpy(),
        "rank": list(range(1, k + 1)) * len(steps),
        "neighbour": found.id.cpu().flatten().numpy(),
        "neighbour_y": found.y.cpu().flatten().numpy(),
        "own": (found.y == y).cpu().flatten().numpy(),
        "distance": found.distance.cpu().flatten().numpy(),
        "entered": entered,
    }
    return pd.DataFrame(columns)
