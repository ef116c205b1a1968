"""The neighbours of a query, clean and adversarial, as two strips of images."""

import numpy as np
import streamlit as st

from board.selection.neighbours import nearest
from board.selection.shared import Frame, adversarial_picture, predictions
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
            st.caption(view.said(headline(view, kind, frame, found["clean"] if kind == "adversarial" else None)))
            other = found["clean" if kind == "adversarial" else "adversarial"]
            word = "entered" if kind == "adversarial" else "left"
            items = [query_tile(view, method, sample, seed, kind), *neighbour_tiles(view, frame, other, word)]
            tiles(
                items,
                key=f"{key}_{kind}",
                label=view.said(f"{method}, {kind} query and its nearest training images"),
                size=size,
            )


def headline(view: View, kind: str, frame: Frame, before: Frame | None) -> str:
    """How many neighbours are of the true class, and how many are new under attack."""
    true_class = int(frame["y"].to_numpy()[0])
    right = np.count_nonzero(frame["neighbour_y"].to_numpy() == true_class)
    of = f": {right} of {len(frame)} are of class {view.class_name(true_class)}" if true_class >= 0 else ""
    text = f"Neighbours of the {kind} query{of}"
    if before is None:
        return text
    new = len(set(frame["neighbour"]) - set(before["neighbour"]))
    return f"{text}, {new} new under attack"


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


def neighbour_tiles(view: View, frame: Frame, other: Frame | None, word: str) -> list[Tile]:
    """Training images with their class and distance.

    Args:
        view: The study.
        frame: The neighbours of one query.
        other: Those of the other query, if there are any.
        word: Marks the images that are not among those: "entered" or "left".
    """
    stayed = set(frame["neighbour"] if other is None else other["neighbour"])
    pictures = view.gallery_pictures(frame["neighbour"].tolist())
    return [
        Tile(
            id=int(row["neighbour"]),
            images=pictures.get(int(row["neighbour"]), []),
            title=view.class_name(int(row["neighbour_y"])) if row["neighbour_y"] >= 0 else f"#{int(row['neighbour'])}",
            note=f"{row['distance']:.3f}" + ("" if row["neighbour"] in stayed else f" {word}"),
            tone="" if row["y"] < 0 else "good" if row["neighbour_y"] == row["y"] else "bad",
        )
        for row in frame.to_dict("records")
    ]
