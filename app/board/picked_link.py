"""The selection in the address of a page: ranges of ids, or the packed bits of all ids where that is shorter."""

import base64
import binascii
import re
import zlib
from itertools import groupby

import numpy as np
import streamlit as st

from board import state
from board.studies import View
from tla.widgets.packing import from_bits, to_bits

LONGEST = 1800
"""Characters; servers and proxies refuse an address of more than about 2,000, some at 8,000."""
READABLE = 120
"""Characters of ranges that are not packed."""
_PACKED = "z"
_READ, _WRONG = "picked_read", "picked_wrong"


def follow_address(view: View) -> None:
    """Select what the address says, if it is new; else let the address follow the selection; say what it cannot carry.

    Args:
        view: The study.
    """
    given = st.query_params.get(state.PICKED)
    if given is None:
        st.session_state.pop(_WRONG, None)
    elif given != st.session_state.get(_READ):
        _read(given, view)
    picked = state.picked(view)
    if _WRONG in st.session_state and not picked:
        st.warning(st.session_state[_WRONG], icon=":material/link_off:")
        return
    text = link_text(picked, view.ids)
    if len(text) > LONGEST:
        st.caption(
            f":material/link_off: {len(picked):,} images are too many for an address: a link opens without them."
        )
        text = ""
    _write(text)


def _read(given: str, view: View) -> None:
    st.session_state[_READ] = given
    st.session_state.pop(_WRONG, None)
    try:
        st.session_state[state.PICKED] = picked_in(given, view.ids)
    except ValueError as error:
        st.session_state[state.PICKED] = []
        st.session_state[_WRONG] = str(error)


def _write(text: str) -> None:
    st.session_state[_READ] = text
    if text != st.query_params.get(state.PICKED, ""):
        st.query_params.update({state.PICKED: text}) if text else st.query_params.pop(state.PICKED, None)


def link_text(picked: list[int], ids: list[int]) -> str:
    """A selection as a short text: "5.20-33", or a "z" and packed bits; empty if nothing is selected.

    Args:
        picked: Ids of the selected images.
        ids: Ids of all images of the study.
    """
    if not picked:
        return ""
    order = np.unique(np.asarray(ids, np.int64))
    mask = np.isin(order, np.asarray(picked, np.int64))
    places = np.flatnonzero(mask).tolist()
    runs = [[place for _, place in run] for _, run in groupby(enumerate(places), lambda pair: pair[1] - pair[0])]
    ends = [(int(order[run[0]]), int(order[run[-1]])) for run in runs]
    ranges = ".".join(str(first) if first == last else f"{first}-{last}" for first, last in ends)
    packed = base64.urlsafe_b64encode(zlib.compress(bytes(to_bits(mask)), 9, -15)).decode().rstrip("=")
    return ranges if len(ranges) <= READABLE else min(ranges, _PACKED + packed, key=len)


def picked_in(text: str, ids: list[int]) -> list[int]:
    """The ids that `link_text` wrote, ascending.

    Args:
        text: The selection in the address.
        ids: Ids of all images of the study.

    Raises:
        ValueError: if it cannot be read or was made with other images; in a sentence for the page.
    """
    order = np.unique(np.asarray(ids, np.int64))
    try:
        mask = _unpacked(text[1:], len(order)) if text.startswith(_PACKED) else _ranges(text, order)
    except (ValueError, binascii.Error, zlib.error):
        raise ValueError(
            "The selection in the address is left out: it cannot be read, or was made with another study."
        ) from None
    return order[mask].tolist()


def _unpacked(text: str, count: int) -> np.ndarray:
    packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    size = (count + 7) // 8
    reader = zlib.decompressobj(-15)
    bits = reader.decompress(packed, size + 1)
    if len(bits) != size or not reader.eof or (count % 8 and bits[-1] >> count % 8):
        raise ValueError("not of so many images")
    return from_bits(bits, count)


def _ranges(text: str, order: np.ndarray) -> np.ndarray:
    mask = np.zeros(len(order), bool)
    for part in text.split("."):
        found = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part)
        if found is None:
            raise ValueError("no range")
        ends = [int(found[1]), int(found[2] or found[1])]
        if ends[0] > ends[1] or not np.isin(ends, order).all():
            raise ValueError("not an id of the study")
        mask |= (order >= ends[0]) & (order <= ends[1])
    return mask
