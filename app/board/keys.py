"""Keys that work anywhere on a page; each press counts, also those that come while the page is answering."""

import uuid
from collections.abc import Callable, Mapping

import streamlit as st

from board.component import load_component

_component = load_component("keys")


def on_keys(actions: Mapping[str, Callable[[int], None]], *, key: str) -> None:
    """Call an action with the number of presses of its key since the last run.

    Args:
        actions: By letter.
        key: Unique name.
    """
    seen: dict[str, int] = st.session_state.setdefault(f"{key}_seen", dict.fromkeys(actions, 0))
    # the browser's counts are of this session
    counter = st.session_state.setdefault(f"{key}_counter", uuid.uuid4().hex)

    def pressed() -> None:
        counts = st.session_state[key].get("counts") or {}
        for letter, action in actions.items():
            times = int(counts.get(letter, 0)) - seen[letter]
            seen[letter] += max(times, 0)
            if times > 0:
                action(times)

    _component(
        key=key, data={"seen": dict(seen), "counter": counter}, default={"counts": None}, on_counts_change=pressed
    )
