"""Rows, predictions and images that several pages select."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from board.kept import kept
from board.studies import View
from tla.plots import Pictures
from tla.statistics import at_eps
from tla.statistics.frame import Frame


class Predictions(NamedTuple):
    """Classes that a model predicts for a clean image and for its adversarial version."""

    clean: int
    adversarial: int


def of_run(frame: Frame, seed: int, methods: list[str] | None = None) -> Frame:
    """Rows of one training seed, and of some methods (by default all); the same table again for the same choice."""
    return kept(_of_run, frame, seed, methods)


def _of_run(frame: Frame, seed: int, methods: list[str] | None) -> Frame:
    rows = frame.seed == seed
    if methods is not None:
        rows &= frame.method.isin(methods)
    return _those(frame, rows)


def _those(frame: Frame, rows: pd.Series) -> Frame:
    """Some rows of a table; the table itself, which is kept anyway, if it is all of them."""
    return frame if rows.all() else frame.loc[rows]


def of_methods(frame: Frame, methods: list[str]) -> Frame:
    """Rows of some methods; the same table again for the same choice."""
    return kept(_of_methods, frame, methods)


def _of_methods(frame: Frame, methods: list[str]) -> Frame:
    return _those(frame, frame["method"].isin(methods))


def pictures(view: View) -> Pictures:
    """The clean and the training images of a study."""
    return kept(_pictures, view)


def _pictures(view: View) -> Pictures:
    return Pictures.of(view.store)


def main_attack(view: View, table: str, seed: int, methods: list[str] | None = None) -> Frame:
    """Rows of a table for the main attack at the study's eps, one training seed and some methods (by default all)."""
    return kept(_at, of_run(view.table(table), seed, methods), view.eps, view.main)


def _at(rows: Frame, eps: float, attack: str) -> Frame:
    rows = at_eps(rows, eps)
    return _those(rows, rows["attack"] == attack)


def adversarial_picture(view: View, method: str, seed: int, sample: int) -> list[np.ndarray]:
    """A test image under the main attack on one model, or in the condition; none if the study has no such picture."""
    if view.bare or (view.condition and view.condition not in view.embeddings.get("pictures", [])):
        return []
    return [adversarial_images(view, method, seed)[view.positions[sample]]]


def adversarial_images(view: View, method: str, seed: int) -> np.ndarray:
    """Images of the main attack on one model, in the order of `images/test`, numbers in [0, 1]."""
    arrays = kept(view.arrays, f"adversarial/{method}-seed{seed}")
    return arrays[view.main] if view.main in arrays else next(iter(arrays.values()))


def predictions(view: View, method: str, seed: int, sample: int) -> Predictions:
    """What a model predicts for a test image, clean and under the main attack."""
    return _predictions(str(view.path), view.stamp, view.condition, view, method, seed)[sample]


@st.cache_resource(show_spinner=False, max_entries=64)
def _predictions(path: str, stamp: int, condition: str, _view: View, method: str, seed: int) -> dict[int, Predictions]:
    if condition:
        return _from_neighbours(of_run(_view.table("neighbours"), seed, [method]))
    rows = main_attack(_view, "attacks", seed, [method])
    columns = (rows[column].to_numpy() for column in ("id", "clean_prediction", "prediction"))
    return {int(i): Predictions(int(clean), int(attacked)) for i, clean, attacked in zip(*columns, strict=True)}


def _from_neighbours(rows: Frame) -> dict[int, Predictions]:
    """Predictions of a study of embeddings, which every query of its neighbours carries."""
    first = rows.loc[rows["rank"] == 1]
    known = {
        kind: dict(zip(part["id"].tolist(), part["prediction"].tolist(), strict=True))
        for kind, part in first.groupby("kind")
    }
    return {sample: Predictions(guess, known["adversarial"][sample]) for sample, guess in known["clean"].items()}
