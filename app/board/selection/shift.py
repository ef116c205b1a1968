"""How far the main attack moves the embeddings."""

from board.kept import kept
from board.selection.shared import Frame, main_attack
from board.studies import View
from board.words import label

MEASURES = {
    "angle": "turn (°)",
    "relative_angle": "turn / angle between centroids",
    "margin_clean": "margin, clean",
    "margin": "margin, adversarial",
    "progress": "progress to false class",
    "purity_own": "neighbours of own class",
    "purity_false": "neighbours of false class",
}


def largest_turns(view: View, method: str, seed: int, count: int) -> list[int]:
    """Ids of the images whose embedding turns furthest, largest first."""
    return kept(_largest, main_attack(view, "shift", seed, [method]), count)


def _largest(rows: Frame, count: int) -> list[int]:
    return [int(i) for i in rows.nlargest(count, "angle")["id"]]


def median_measures(view: View, methods: list[str], seed: int, ids: list[int]) -> Frame:
    """Median shift measures of some test images: a row per measure, a column per method, under its label."""
    return kept(_medians, main_attack(view, "shift", seed, methods), methods, ids)


def _medians(rows: Frame, methods: list[str], ids: list[int]) -> Frame:
    rows = rows.loc[rows["id"].isin(ids)]
    medians = rows.groupby("method")[list(MEASURES)].median().reindex(methods)
    return medians.rename(columns=MEASURES, index=label).T.round(3)
