"""Controls that several pages share."""

import streamlit as st

from board.studies import View

USUAL = ("natural", "at", "alp", "tla", "tla-sa", "tla-rn")


def methods_choice(view: View, key: str, most: int = 4) -> list[str]:
    """Which methods stand side by side; all when none is chosen.

    Args:
        view: The study.
        key: Name of the control, in the address of the page.
        most: How many are chosen to begin with.
    """
    usual = [method for method in USUAL if method in view.methods]
    first = usual if len(usual) <= most else [*usual[: most - 1], "tla" if "tla" in usual else usual[-1]]
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
    """One of some methods; the last to begin with, which is TLA where it is there."""
    first = "tla" if "tla" in methods else methods[-1]
    chosen = st.segmented_control(label, methods, default=first, key=key, bind="query-params")
    return chosen if chosen in methods else first


def classes_choice(view: View, key: str) -> list[int] | None:
    """Indices of the classes that are shown; None for all."""
    names = view.classes
    chosen = st.multiselect("Classes", names, key=key, bind="query-params", placeholder="all classes")
    return [names.index(name) for name in chosen] or None
