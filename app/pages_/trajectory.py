"""The path of one image through the representation while it is attacked."""

from typing import Any

import numpy as np
import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import methods_choice
from board.fan import STARTS, fans, flipped
from board.kept import kept
from board.maps import maps
from board.pages import PageInfo
from board.selection.shared import Frame, of_run
from board.selection.trajectory import fooled_counts, otherwise
from board.snippets import figure_code
from board.studies import View
from board.tiles import Tile, tiles

from tla.plots import Pictures
from tla.widgets.details import paths as recorded_ways
from tla.widgets.details import ways
from tla.widgets.scene import MapScene

PAGE = PageInfo(
    title="Trajectory",
    icon="timeline",
    section="Look",
    order=11,
    lead="Which path does one image take through the representation, step by step?",
)

CONTROLS = ("colour", "arrows", "morph")
PARTS = ["distances", "probabilities", "margin", "loss"]
FAN = "fan"


def main() -> None:
    """The page."""
    with shell.page() as view:
        seed = state.seed(view)
        methods = methods_choice(view, "path_methods", most=3)
        rows = of_run(view.table("trajectory"), seed, methods)
        recorded = sorted(int(i) for i in rows["id"].unique())
        live = fan_button(view, seed)
        if live:
            show_fan(view, methods, seed, recorded, rows)
        elif recorded:
            show_recorded(view, methods, seed, recorded, rows)
        else:
            st.info("This study recorded no paths: `analysis.trajectories` was 0.", icon=":material/info:")


def fan_button(view: View, seed: int) -> bool:
    """A button that attacks the focus image again, or goes back to the recorded path; True while the fan is shown."""
    here = (view.name, view.stamp, seed, state.focus(view))
    live = st.session_state.get(FAN) == here
    st.button(
        "Show the recorded path" if live else f"Attack again from {STARTS} random starts",
        icon=":material/undo:" if live else ":material/call_split:",
        on_click=lambda: st.session_state.update({FAN: None if live else here}),
        key="fan_button",
        help=f"{view.main} at eps {view.radius} on image {state.focus(view)}, live on this machine.",
    )
    return live


def show_recorded(view: View, methods: list[str], seed: int, recorded: list[int], rows: Frame) -> None:
    """The path that the study recorded of one image."""
    sample = choose(view, recorded, rows)
    drawn: dict[str, Any] = {"image": sample, "methods": methods, "seed": seed, "parts": PARTS}
    pictures = Pictures.films(view.store, tuple(f"{method}-seed{seed}" for method in methods))
    show(view, rows, drawn, pictures)
    differs = otherwise(view, rows, seed, sample)
    if differs:
        said = (f"{shell.label(m)} is {'fooled' if fooled else 'not fooled'} there" for m, fooled in differs.items())
        st.caption(
            f":material/info: The recorded path is a run of {view.main} of its own, from another random start than the "
            f"one in the evaluation: {', '.join(said)}. The count beside the focus sample is of the evaluation."
        )
    shell.source(f"this study: {len(recorded)} recorded images, seed {seed}, {view.main} at eps {view.radius}")
    st.page_link("pages_/attack.py", label="Attack this image live, step by step", icon=":material/bolt:")
    shell.show_code(*figure_code(view, "trajectory", **drawn))


def show_fan(view: View, methods: list[str], seed: int, recorded: list[int], rows: Frame) -> None:
    """The paths of the main attack on the focus image from several random starts, run now."""
    view.need("An attack", pictures=True)
    sample = state.focus(view)
    pick(view, recorded, rows, sample)
    found, reasons = fans(view, methods, seed, sample)
    for reason in reasons:
        st.info(reason, icon=":material/info:")
    if found.empty:
        return
    counts = flipped(found)
    said = ", ".join(f"{shell.label(method)} {counts[method]} of {STARTS}" for method in methods if method in counts)
    st.markdown(f"**Starts that flip image {sample}:** {said}.")
    shown = [method for method in methods if method in counts]
    show(view, found, {"image": sample, "methods": shown, "seed": seed, "parts": PARTS}, None)
    shell.source(
        f"live on this machine: {view.main} at eps {view.radius}, image {sample}, seed {seed}, {STARTS} random starts; "
        "the steps are placed between the points of each map whose embeddings are nearest"
    )


def show(view: View, rows: Frame, drawn: dict[str, Any], pictures: Pictures | None) -> None:
    """An image's paths in the maps, and what was measured on them."""
    sample, methods, seed = drawn["image"], drawn["methods"], drawn["seed"]
    paths = way_of(view, methods, seed, sample, None if pictures else rows)
    maps(view, methods, seed, key="path_map", focus=sample, paths=paths, controls=CONTROLS, arrows="none")
    st.caption("A step of a path, and the line to it, have the colour and symbol of the class predicted there.")
    alt = f"What was measured of image {sample} at each step, per method"
    chart("trajectory", rows, view=view, key="trajectory", alt=alt, **drawn, pictures=pictures)


def way_of(view: View, methods: list[str], seed: int, sample: int, live: Frame | None) -> dict[str, Any]:
    """The way of an image in each method's map, recorded or just run, as plain values."""
    scene = kept(_scene, view, tuple(methods), seed)
    if live is None:
        found = [way for one in recorded_ways(view.store, scene, scene.positions([sample])) for way in one["maps"]]
    else:
        found = ways(live, scene)
    names = ("points", "wrong", "prediction", "breaks")
    return {way["key"]: {name: np.asarray(way[name]).tolist() for name in names} for way in found}


def _scene(view: View, methods: tuple[str, ...], seed: int) -> MapScene:
    return MapScene.of(view.store, methods=list(methods), seed=seed)


def choose(view: View, recorded: list[int], rows: Frame) -> int:
    """The focus sample if its path was recorded, else the first recorded image; pictures to choose another."""
    focus = state.focus(view)
    sample = focus if focus in recorded else recorded[0]
    if sample != focus:
        st.caption(
            f"The path of image {focus} was not recorded; this is image {sample}. Click a picture to see another, or "
            f"attack image {focus} again."
        )
    pick(view, recorded, rows, sample)
    return sample


def pick(view: View, recorded: list[int], rows: Frame, sample: int) -> None:
    """Pictures of the images whose path was recorded, and how many methods each fools on it."""
    fooled = fooled_counts(rows)
    items = [
        Tile(id=i, images=view.clean_picture(i), title=view.classes[view.true_class(i)], note=fooled[i])
        for i in recorded
    ]
    tiles(
        items, key="recorded", label="images whose path was recorded", size=36, focus=sample, on_press=state.set_focus
    )


shell.body(main)
