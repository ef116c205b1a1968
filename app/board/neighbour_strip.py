"""The neighbours of a query, clean and adversarial, as two strips of images."""

import numpy as np
import streamlit as st

from board.selection.neighbours import nearest
from board.selection.shared import Frame, adversarial_images, predictions
from board.studies import View
from board.tiles import Tile, tiles


def neighbour_strip(view: View, method: str, sample: int, seed: int, *, k: int, key: str, size: int = 40) -> None:
    """Show the nearest training images of the clean query on the left, of the adversarial one on the right.

    Args:
        view: The study.
        method: Whose embedding.
        sample: Id of the query.
        seed: Training seed.
        k: Number of neighbours.
        key: Unique name.
        size: Height of a picture, pixels.
    """
    found = {kind: nearest(view, sample, seed, kind, k).get(method) for kind in ("clean", "adversarial")}
    for column, (kind, frame) in zip(st.columns(2, gap="medium"), found.items(), strict=True):
        with column:
            if frame is None or frame.empty:
                st.caption(f"This study has no neighbours of the {kind} query.")
                continue
            st.caption(headline(view, kind, frame, found["clean"] if kind == "adversarial" else None))
            items = [query_tile(view, method, sample, seed, kind), *neighbour_tiles(view, frame)]
            tiles(
                items, key=f"{key}_{kind}", label=f"{method}, {kind} query and its nearest training images", size=size
            )


def headline(view: View, kind: str, frame: Frame, before: Frame | None) -> str:
    """How many neighbours are of the true class, and how many are new under attack."""
    right = np.count_nonzero(frame["neighbour_y"].to_numpy() == frame["y"].to_numpy())
    true_class = view.classes[int(frame["y"].to_numpy()[0])]
    text = f"Neighbours of the {kind} query: {right} of {len(frame)} are of class {true_class}"
    if before is None:
        return text
    new = len(set(frame["neighbour"]) - set(before["neighbour"]))
    return f"{text}, {new} new under attack"


def query_tile(view: View, method: str, sample: int, seed: int, kind: str) -> Tile:
    """The query with the class that the model predicts."""
    row = view.positions[sample]
    images = view.arrays("images")["test"] if kind == "clean" else adversarial_images(view, method, seed)
    predicted = predictions(view, method, seed, sample)
    prediction = predicted.clean if kind == "clean" else predicted.adversarial
    return Tile(
        id=sample,
        images=[images[row]],
        title=f"predicted {view.classes[prediction]}",
        note="query",
        tone="good" if prediction == view.true_class(sample) else "bad",
    )


def neighbour_tiles(view: View, frame: Frame) -> list[Tile]:
    """Training images with their class and distance."""
    images = view.arrays("images")["gallery"]
    return [
        Tile(
            id=int(row["neighbour"]),
            images=[images[view.gallery_positions[int(row["neighbour"])]]],
            title=view.classes[int(row["neighbour_y"])],
            note=f"{row['distance']:.3f}",
            tone="good" if row["neighbour_y"] == row["y"] else "bad",
        )
        for row in frame.to_dict("records")
    ]
