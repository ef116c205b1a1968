"""Controls that several pages share."""

import streamlit as st

from board.studies import View

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
    chosen = st.pills(
        "Methods",
        view.methods,
        selection_mode="multi",
        default=[method for method in view.methods if method in first],
        key=key,
        bind="query-params",
    )
    return [method for method in view.methods if method in chosen] or view.methods


def method_choice(label: str, methods: list[str], key: str) -> str:
    """One of some methods; at first TLA, or the last if TLA is not among them."""
    first = _last(methods)
    chosen = st.segmented_control(label, methods, default=first, key=key, bind="query-params")
    return chosen if chosen in methods else first


def classes_choice(view: View, key: str) -> list[int] | None:
    """Indices of the classes to show; None for all."""
    names = view.classes
    chosen = st.multiselect("Classes", names, key=key, bind="query-params", placeholder="all classes")
    return [names.index(name) for name in chosen] or None


def _last(methods: list[str]) -> str:
    """TLA if it is there, else the last method."""
    return "tla" if "tla" in methods else methods[-1]
