"""Controls that several pages share."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from board.studies import View
from board.words import label

PREFERRED = ("natural", "at", "alp", "tla", "tla-sa", "tla-rn")


def methods_choice(view: View, key: str, most: int = 4) -> list[str]:
    """The methods to compare; all when none is selected.

    Args:
        view: The study.
        key: Name of the control, in the address of the page.
        most: At most so many are selected at first.
    """
    preferred = [method for method in PREFERRED if method in view.methods]
    first = preferred if len(preferred) <= most else [*preferred[: most - 1], _last(preferred)]
    first = list(dict.fromkeys(first)) or view.methods[:most]
    return methods_pills("Methods", view.methods, first, key) or view.methods


def methods_pills(text: str, methods: list[str], first: list[str], key: str) -> list[str]:
    """Those of some methods that are pressed, in their order.

    Args:
        text: Label of the control.
        methods: Whose names it shows.
        first: Pressed at first.
        key: Name of the control, in the address of the page.
    """
    asked = _asked(key, methods)
    if asked:
        st.session_state[key] = asked
    default = None if asked else [method for method in methods if method in first]
    chosen = st.pills(
        text,
        methods,
        selection_mode="multi",
        default=default,
        format_func=label,
        key=key,
        bind="query-params",
    )
    return [method for method in methods if method in chosen]


def method_choice(text: str, methods: list[str], key: str, first: str | None = None) -> str:
    """One of some methods.

    Args:
        text: Label of the control.
        methods: Whose names it shows.
        key: Name of the control, in the address of the page.
        first: Chosen at first; by default TLA, or the last if TLA is not among them.
    """
    first, asked = first or _last(methods), _asked(key, methods)
    if asked:
        st.session_state[key] = asked[0]
    default = None if asked else first
    chosen = st.segmented_control(text, methods, default=default, format_func=label, key=key, bind="query-params")
    return chosen if chosen in methods else first


def method_box(place: DeltaGenerator, text: str, methods: list[str], first: str, key: str) -> str:
    """One of some methods in a list that opens.

    Args:
        place: Where it stands.
        text: Label of the control.
        methods: Whose names it shows.
        first: Chosen at first.
        key: Name of the control, in the address of the page.
    """
    asked = _asked(key, methods)
    if asked:
        st.session_state[key] = asked[0]
    index = 0 if asked else methods.index(first)
    chosen = place.selectbox(text, methods, index, format_func=label, key=key, bind="query-params")
    return chosen if chosen in methods else first


def classes_choice(view: View, key: str) -> list[int] | None:
    """Indices of the classes to show; None for all."""
    names = view.classes
    chosen = st.multiselect("Classes", names, key=key, bind="query-params", placeholder="all classes")
    return [names.index(name) for name in chosen] or None


def _asked(key: str, methods: Sequence[str]) -> list[str]:
    """Methods that the address of a fresh page names as the study does ("tla"); Streamlit itself takes labels only."""
    if key in st.session_state:
        return []
    return [name for name in st.query_params.get_all(key) if name in methods and label(name) != name]


def _last(methods: Sequence[str]) -> str:
    """TLA if it is there, else the last method."""
    return "tla" if "tla" in methods else methods[-1]
