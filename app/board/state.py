"""What every page shares: one study, one seed, one focus sample. All of it is in the address of the page."""

import streamlit as st

from board.selection import focus as candidates
from board.studies import View

STUDY, SEED, FOCUS, PICKED = "study", "seed", "focus", "picked"


def focus(view: View) -> int:
    """Id of the focus sample: the test image that every page speaks of."""
    chosen = st.session_state.get(FOCUS)
    return chosen if chosen in view.positions else first_focus(view)


def set_focus(sample: int) -> None:
    """Make a test image the focus sample; only inside a callback, before the sidebar is drawn."""
    st.session_state[FOCUS] = sample


def seed(view: View) -> int:
    """The training seed whose models are shown."""
    chosen = st.session_state.get(SEED)
    return chosen if chosen in view.seeds else view.seeds[0]


def picked(view: View) -> list[int]:
    """Ids of the test images that were selected in a map, or none."""
    known = view.positions
    return [sample for sample in st.session_state.get(PICKED, []) if sample in known]


def pick(samples: list[int]) -> None:
    """Remember a selection of test images; a single one becomes the focus."""
    st.session_state[PICKED] = list(dict.fromkeys(samples))
    if len(st.session_state[PICKED]) == 1:
        set_focus(st.session_state[PICKED][0])


def first_focus(view: View) -> int:
    """Where a visit begins: the first image that TLA keeps under the main attack and the others lose.

    Without such an image the first one that some methods keep, or the first image of the study.
    """
    return _first_focus(str(view.path), view.stamp, view)


@st.cache_resource(show_spinner=False, max_entries=64)
def _first_focus(path: str, stamp: int, _view: View) -> int:
    view = _view
    seed = view.seeds[0]
    contested = candidates.contested(view, seed)
    best = candidates.fooling_all(view, seed, ("natural", "at")) - candidates.fooling_all(view, seed, ("tla",))
    return next((sample for sample in view.ids if sample in best), (contested or view.ids)[0])


def step_focus(view: View, among: list[int], by: int = 1) -> None:
    """Move the focus to the next (or, by -1, the previous) of some ids, round the end."""
    if not among:
        return
    order = sorted(among)
    here = focus(view)
    later = [sample for sample in order if (sample > here if by > 0 else sample < here)]
    set_focus((later[0] if by > 0 else later[-1]) if later else (order[0] if by > 0 else order[-1]))
