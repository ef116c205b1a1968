"""Test images worth the focus: those on which the main attack fools some methods and not others."""

import pandas as pd
import streamlit as st

from board.selection.shared import Frame, main_attack
from board.studies import View


def contested(view: View, seed: int) -> list[int]:
    """Ids on which the main attack fools at least one method and not all of them."""
    table = outcomes(view, seed)
    return _ids(table.eq(True).any(axis=1) & table.eq(False).any(axis=1))


def fooling_all(view: View, seed: int, methods: tuple[str, ...]) -> set[int]:
    """Ids on which the main attack fools all of some methods; none if the study has none of them."""
    table = outcomes(view, seed)
    table = table[[method for method in methods if method in table]]
    return set(_ids(table.eq(True).any(axis=1) & ~table.eq(False).any(axis=1)))


def correct_count(view: View, sample: int, seed: int) -> str:
    """How many methods stay correct on a sample under the main attack, in words; "" where the study does not say."""
    table = outcomes(view, seed)
    if sample not in table.index:
        return ""
    row = table.loc[sample].dropna()
    under = f"in “{view.condition}”" if view.condition else "under attack"
    return f"{row.eq(False).sum()} of {len(row)} {'models' if view.condition else 'methods'} correct {under}"


def outcomes(view: View, seed: int) -> Frame:
    """Whether the main attack fools each method: a row per id, a column per method; empty if nothing was attacked."""
    return _outcomes(str(view.path), view.stamp, view.condition, seed, view)


@st.cache_resource(show_spinner=False, max_entries=64)
def _outcomes(path: str, stamp: int, condition: str, seed: int, _view: View) -> Frame:
    if condition:
        rows = main_attack(_view, "shift", seed)
        rows = rows.loc[rows["y"] >= 0]
        return rows.assign(success=rows["prediction"] != rows["y"]).pivot(
            index="id", columns="method", values="success"
        )
    if not _view.has("attacks"):
        return pd.DataFrame()
    return main_attack(_view, "attacks", seed).pivot(index="id", columns="method", values="success")


def _ids(mask: pd.Series) -> list[int]:
    return [int(sample) for sample in mask.index[mask.to_numpy(bool)]]
