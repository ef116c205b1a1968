"""A triplet to drag: drawn and moved in the browser, kept in the address of the page, checked by the library."""

from typing import cast, get_args

import streamlit as st

from board.component import load_component
from tla.distances import DistanceName
from tla.widgets.triplets import LibraryLoss, TripletState, library_loss, read_points, triplet_data

_KEY = "triplet"
_component = load_component("triplet")


def triplet_state() -> TripletState:
    """The triplet in the address of the page; the default where the address cannot be read."""
    address, default = st.query_params, TripletState()
    try:
        state = default._replace(
            anchor=read_points(address.get("anchor", ""))[0] if "anchor" in address else default.anchor,
            positive=read_points(address.get("positive", ""))[0] if "positive" in address else default.positive,
            negatives=read_points(address.get("negatives", "")) if "negatives" in address else default.negatives,
            alpha=min(0.5, max(0.0, float(address.get("alpha", default.alpha)))),
            drawn=int(address["drawn"]) if "drawn" in address else None,
        )
    except ValueError:
        return default
    if address.get("distance", default.distance) in get_args(DistanceName):
        state = state._replace(distance=cast(DistanceName, address.get("distance", default.distance)))
    return state if state.drawn is None or 0 <= state.drawn < len(state.negatives) else state._replace(drawn=None)


def triplet() -> TripletState:
    """Show the plane; return what is in it, as the browser last reported."""
    state = triplet_state()
    _component(key=_KEY, data=triplet_data(state), default={"address": None}, on_address_change=_update_address)
    return state


def _update_address() -> None:
    """Put what the browser reports into the address."""
    reported = st.session_state[_KEY].get("address")
    for name, value in (reported or {}).items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = f"{value:g}" if isinstance(value, float | int) else str(value)


__all__ = ["LibraryLoss", "TripletState", "library_loss", "triplet", "triplet_state"]
