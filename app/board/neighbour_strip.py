"""The neighbours of a query, clean and adversarial, as two strips of images for each method."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from board import shell
from board.component import load_component
from board.selection.neighbours import largest_k, nearest
from board.selection.shared import Frame, adversarial_picture, predictions
from board.studies import View
from board.tiles import Tile

SHOWN = 6
"""Neighbours shown until the slider is moved."""
_OTHER = {"clean": "adversarial", "adversarial": "clean"}
_WORDS = {"clean": "left", "adversarial": "entered"}
"""What is said of a neighbour of one query that is none of the other's."""
_component = load_component("neighbours")


def chosen_k(view: View, key: str) -> int:
    """How many neighbours are shown, from the address of the page."""
    most = largest_k(view)
    try:
        return min(max(int(st.query_params.get(key, SHOWN)), 1), most)
    except ValueError:
        return min(SHOWN, most)


def neighbour_slider(view: View, methods: Sequence[str], sample: int, seed: int, *, key: str, size: int = 44) -> None:
    """Show a slider, and for each method as many of the nearest training images; Python runs when it is released.

    Args:
        view: The study.
        methods: Whose embeddings.
        sample: Id of the query.
        seed: Training seed.
        key: Name of the slider's value in the address of the page.
        size: Height of a picture, pixels.
    """
    name = f"{key}_slider"

    def moved() -> None:
        value = st.session_state[name].get("k")
        if value is not None:
            st.query_params[key] = str(int(value))

    groups = [group(view, method, sample, seed, largest_k(view), size) for method in methods]
    _show(groups, chosen_k(view, key), largest_k(view), size, key=name, moved=moved)


def neighbour_strip(view: View, method: str, sample: int, seed: int, *, k: int, key: str, size: int = 40) -> None:
    """Show the k nearest training images of the clean query on the left, of the adversarial one on the right.

    Args:
        view: The study.
        method: Whose embedding.
        sample: Id of the query.
        seed: Training seed.
        k: Number of neighbours.
        key: Unique name.
        size: Height of a picture, pixels.
    """
    k = min(k, largest_k(view))
    _show([group(view, method, sample, seed, k, size) | {"label": ""}], k, k, size, key=key)


def _show(
    groups: list[dict[str, Any]], k: int, most: int, size: int, *, key: str, moved: Callable[[], None] | None = None
) -> None:
    data = {"groups": groups, "k": k, "most": most, "size": size, "chosen": moved is not None}
    _component(key=key, data=data, default={"k": None}, on_k_change=moved or (lambda: None))


def group(view: View, method: str, sample: int, seed: int, most: int, size: int) -> dict[str, Any]:
    """The two strips of one method as plain values for the browser, with up to `most` neighbours."""
    found = {kind: nearest(view, sample, seed, kind, most).get(method) for kind in _OTHER}
    strips = []
    for kind, frame in found.items():
        if frame is None or frame.empty:
            strips.append({"nothing": f"This study has no neighbours of the {kind} query."})
            continue
        other = found[_OTHER[kind]]
        shown = zip(neighbour_tiles(view, frame), elsewhere(frame, other), strict=True)
        strips.append(
            {
                "heads": headlines(view, kind, frame, other if kind == "adversarial" else None),
                "label": view.said(f"{method}, {kind} query and its nearest training images"),
                "query": query_tile(view, method, sample, seed, kind).plain(size),
                "tiles": [tile.plain(size) | {"elsewhere": place} for tile, place in shown],
                "word": _WORDS[kind],
            }
        )
    return {"label": shell.label(method), "strips": strips}


def headlines(view: View, kind: str, frame: Frame, before: Frame | None) -> list[str]:
    """For k = 1, 2, …: how many neighbours are of the true class, and how many are new under attack."""
    true_class = int(frame["y"].to_numpy()[0])
    right = (frame["neighbour_y"] == true_class).cumsum().tolist()
    lines = []
    for k in range(1, len(frame) + 1):
        of = f": {right[k - 1]} of {k} are of class {view.class_name(true_class)}" if true_class >= 0 else ""
        text = f"Neighbours of the {kind} query{of}"
        if before is not None:
            new = len(set(frame["neighbour"][:k]) - set(before["neighbour"][:k]))
            text += f", {new} new under attack"
        lines.append(view.said(text))
    return lines


def elsewhere(frame: Frame, other: Frame | None) -> list[int]:
    """The place of each neighbour among those of the other query, from 1; 0 if it is not among them.

    Args:
        frame: The neighbours of one query, nearest first.
        other: Those of the other; if there are none, nothing has changed.
    """
    there = frame if other is None else other
    places: dict[int, int] = {}
    for place, neighbour in enumerate(there["neighbour"], start=1):
        places.setdefault(neighbour, place)
    return [places.get(neighbour, 0) for neighbour in frame["neighbour"]]


def query_tile(view: View, method: str, sample: int, seed: int, kind: str) -> Tile:
    """The query with the class that the model predicts."""
    clean = kind == "clean"
    predicted = predictions(view, method, seed, sample)
    prediction, y = predicted.clean if clean else predicted.adversarial, view.true_class(sample)
    return Tile(
        id=sample,
        images=view.clean_picture(sample) if clean else adversarial_picture(view, method, seed, sample),
        title=f"predicted {view.class_name(prediction)}" if prediction >= 0 else f"image {sample}",
        note="query",
        tone="" if y < 0 else "good" if prediction == y else "bad",
    )


def neighbour_tiles(view: View, frame: Frame) -> list[Tile]:
    """Training images with their class and distance, nearest first."""
    pictures = view.gallery_pictures(frame["neighbour"].tolist())
    return [
        Tile(
            id=int(row["neighbour"]),
            images=pictures.get(int(row["neighbour"]), []),
            title=view.class_name(int(row["neighbour_y"])) if row["neighbour_y"] >= 0 else f"#{int(row['neighbour'])}",
            note=f"{row['distance']:.3f}",
            tone="" if row["y"] < 0 else "good" if row["neighbour_y"] == row["y"] else "bad",
        )
        for row in frame.to_dict("records")
    ]
