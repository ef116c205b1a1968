"""What every page shares: one study, one seed, one focus sample. All of it is in the address of the page."""

from bisect import bisect_left
from typing import Any

import streamlit as st

from board.selection import focus as candidates
from board.studies import View

STUDY, SEED, FOCUS, PICKED, CONDITION = "study", "seed", "focus", "picked", "condition"
HELD = 4


def focus(view: View) -> int:
    """Id of the focus sample: the test image that every page shows."""
    return _known(view, st.session_state.get(FOCUS))


def _known(view: View, sample: Any) -> int:
    return sample if sample in view.positions else first_focus(view)


def set_focus(sample: int) -> None:
    """Make a test image the focus sample; only in a callback: the sidebar must not be drawn yet."""
    put(FOCUS, sample)


def show_study(name: str) -> None:
    """Show the study of this name: what a button calls, since the box beside the pages holds the name."""
    st.session_state[STUDY] = name


def put(key: str, value: object) -> None:
    """Move a control from a callback; the last few values are remembered for `moved_from`."""
    st.session_state[key] = value
    st.session_state[_held(key)] = [*st.session_state.get(_held(key), []), value][-HELD:]


def moved_from(key: str) -> Any:
    """Where a control stands that a callback is to move on from there.

    A browser that has not drawn the last move yet sends the value before it along with the next press.
    """
    held, here = st.session_state.get(_held(key), []), st.session_state.get(key)
    return held[-1] if here in held[:-1] else here


def drawn(key: str) -> None:
    """Start anew from what a control shows; where it is drawn, so that a value which a user goes back to counts."""
    held, here = st.session_state.get(_held(key), []), st.session_state.get(key)
    if held[-1:] != [here]:
        st.session_state[_held(key)] = [here]


def _held(key: str) -> str:
    return f"{key}_held"


def snap_focus(view: View, before: int) -> None:
    """Go from a number that no test image has to the next that one has, in the direction from the focus before."""
    order, asked = sorted(view.ids), st.session_state.get(FOCUS)
    if asked is None or asked in view.positions:
        return
    place = bisect_left(order, asked)
    set_focus(order[min(place, len(order) - 1)] if asked > before else order[max(place - 1, 0)])


def shared() -> tuple[object, ...]:
    """What every page shares in this session: study, seed, condition and focus sample."""
    return tuple(st.session_state.get(key) for key in (STUDY, SEED, CONDITION, FOCUS))


def seed(view: View) -> int:
    """The training seed whose models are shown."""
    chosen = st.session_state.get(SEED)
    return chosen if chosen in view.seeds else view.seeds[0]


def picked(view: View) -> list[int]:
    """Ids of the test images that are selected in a map, if any."""
    known = view.positions
    return [sample for sample in st.session_state.get(PICKED, []) if sample in known]


def pick(samples: list[int]) -> None:
    """Remember a selection of test images; a single one becomes the focus."""
    st.session_state[PICKED] = list(dict.fromkeys(samples))
    if len(st.session_state[PICKED]) == 1:
        set_focus(st.session_state[PICKED][0])


def first_focus(view: View) -> int:
    """The focus at first: the first image on which the main attack fools natural and AT training, but not TLA.

    Without such an image, the first that fools some methods and not others; without that, the first of the study.
    """
    return _first_focus(str(view.path), view.stamp, view.condition, view)


@st.cache_resource(show_spinner=False, max_entries=64)
def _first_focus(path: str, stamp: int, condition: str, _view: View) -> int:
    view = _view
    seed = view.seeds[0]
    contested = candidates.contested(view, seed)
    best = candidates.fooling_all(view, seed, ("natural", "at")) - candidates.fooling_all(view, seed, ("tla",))
    return next((sample for sample in view.ids if sample in best), (contested or view.ids)[0])


def step_focus(view: View, among: list[int], by: int = 1) -> None:
    """Move the focus so many of some ids onwards (by -1: one back), wrapping around."""
    if not among:
        return
    order = sorted(among)
    here = _known(view, moved_from(FOCUS))
    place = bisect_left(order, here)
    beside = place == len(order) or order[place] != here
    set_focus(order[(place + by - (beside and by > 0)) % len(order)])
