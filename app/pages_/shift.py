"""Where the attack moves the representations: maps, the selected images, and measurements in the full space."""

from typing import Any

import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import classes_choice, method_choice, methods_choice
from board.maps import maps
from board.neighbour_strip import neighbour_strip
from board.pages import PageInfo
from board.picked_link import follow_address
from board.selection.shared import adversarial_picture, of_run, predictions
from board.selection.shift import largest_turns, median_measures
from board.snippets import explore_code
from board.studies import View
from board.tiles import Tile, tiles
from board.words import count

from tla.plots.shift_measures import MEASURES as FIGURE_MEASURES

PAGE = PageInfo(
    title="Shift",
    icon="moving",
    section="Look",
    order=10,
    lead="Where does the attack move each image in the representation? Click a point or draw a lasso.",
)

COLOURS = ("true", "predicted", "flipped")
MOST_TILES = 60


def main() -> None:
    """The page."""
    with shell.page() as view:
        seed, sample = state.seed(view), state.focus(view)
        one, two, three = st.columns([5, 4, 3], gap="medium", vertical_alignment="bottom")
        with one:
            methods = methods_choice(view, "shift_methods", most=3)
        with two:
            colour = st.segmented_control("Colour by", COLOURS, default="true", key="colour", bind="query-params")
        with three:
            classes = classes_choice(view, "shift_classes")
        follow_address(view)
        picked = state.picked(view)
        drawn: dict[str, Any] = {"focus": sample, "colour": colour or "true"}
        maps(view, methods, seed, key="shift_map", picked=picked, classes=classes, **drawn)
        shell.let_draw()
        selection(view, methods, seed, sample)
        measures(view, methods, seed, sample)
        few = {"selection": picked} if 0 < len(picked) <= MOST_TILES else {}
        shell.show_code(*explore_code(view, methods=methods, seed=seed, only=classes, **drawn, **few))


def selection(view: View, methods: list[str], seed: int, sample: int) -> None:
    """The images of the selection, clean and adversarial, and the neighbours of the focus sample."""
    picked = state.picked(view)
    head, choice, clear = st.columns([5, 5, 2], vertical_alignment="bottom")
    head.subheader(f"Selection: {count(len(picked), 'image')}" if picked else "The largest turns", anchor=False)
    with choice:
        method = method_choice(view.said("Adversarial images of"), methods, "shift_shown")
    clear.button(
        "Clear", on_click=state.pick, args=([],), disabled=not picked, icon=":material/close:", key="clear_picked"
    )
    shown = picked or largest_turns(view, method, seed, 14)
    items = [pair_tile(view, method, seed, i) for i in shown[:MOST_TILES]]
    tiles(items, key="selection", label="images of the selection", size=40, focus=sample, on_press=state.set_focus)
    if len(shown) > MOST_TILES:
        st.caption(f"The first {MOST_TILES} of {len(shown)} are shown.")
    st.markdown(f"**{view.said(f'Nearest training images of image {sample}')}, {shell.label(method)}**")
    neighbour_strip(view, method, sample, seed, k=7, key="shift_near")


def pair_tile(view: View, method: str, seed: int, sample: int) -> Tile:
    """A clean image, its adversarial version, and the prediction for both."""
    predicted, y = predictions(view, method, seed, sample), view.true_class(sample)
    known = predicted.clean >= 0
    return Tile(
        id=sample,
        images=[*view.clean_picture(sample), *adversarial_picture(view, method, seed, sample)],
        title=f"{view.class_name(predicted.clean)} → {view.class_name(predicted.adversarial)}" if known else "",
        note=f"image {sample}",
        tone="" if y < 0 else "good" if predicted.adversarial == y else "bad",
    )


def measures(view: View, methods: list[str], seed: int, sample: int) -> None:
    """Measurements in the full space: distances in a map prove nothing."""
    st.subheader("Measured in the full embedding", anchor=False)
    picked = state.picked(view)
    whole = "the selection" if len(picked) > 1 else "all images"
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption(f"Image {sample}")
        st.dataframe(
            median_measures(view, methods, seed, [sample]), key="measures_one", alt="Shift measures of the focus sample"
        )
    with right:
        st.caption(f"Median of {whole}")
        ids = picked if len(picked) > 1 else view.ids
        st.dataframe(
            median_measures(view, methods, seed, ids), key="measures_all", alt=f"Median shift measures of {whole}"
        )
    shown = of_run(view.table("shift"), seed, methods)
    drawn = [name for name in FIGURE_MEASURES if shown[name].notna().any()] or ["angle"]
    chart(
        "shift_measures",
        shown,
        view=view,
        key="shift_measures",
        alt="Distribution of each shift measure for images that stay correct and for misclassified ones, per method",
        methods=methods,
        measures=drawn,
        attack=view.main,
        eps=view.eps,
    )
    gallery = "the other test images" if view.manifest["data"].get("shared") else "clean training images"
    shell.source(
        f"this study: {count(len(ids), 'test image')}, seed {seed}, {view.under}; "
        f"centroids and neighbours from {gallery}. "
        + view.said("Turn: angle between clean and adversarial embedding. ")
        + "Margin: distance to the false centroid minus distance to the own one; below 0, the false one is nearer."
    )


shell.body(main)
