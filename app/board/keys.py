"""Keys and their buttons, anywhere on a page; each press counts, also those that come while the page is answering."""

import uuid
from collections.abc import Callable, Mapping

import streamlit as st

from board.component import load_component

_component = load_component("keys")


def on_keys(
    actions: Mapping[str, Callable[[int], None]], *, key: str, buttons: Mapping[str, str] | None = None
) -> None:
    """Call an action with the number of presses of its key or button since the last run.

    Args:
        actions: By letter, or "arrowleft" and the like.
        key: Unique name.
        buttons: Keys of Streamlit's buttons that do the same, by the same names: their clicks are counted in the
            browser, too. Streamlit itself sends one click, however many there were before it answers.
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

    places = {letter: f".st-key-{button}" for letter, button in (buttons or {}).items()}
    data = {"seen": dict(seen), "counter": counter, "buttons": places}
    _component(key=key, data=data, default={"counts": None}, on_counts_change=pressed)
