"""The path of one image through the representation while it is attacked."""

from typing import Any

import numpy as np
import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import methods_choice
from board.maps import maps
from board.pages import PageInfo
from board.selection.shared import Frame, of_run
from board.snippets import figure_code
from board.studies import View
from board.tiles import Tile, tiles

from tla.plots import Pictures
from tla.widgets.details import paths
from tla.widgets.scene import MapScene

PAGE = PageInfo(
    title="Trajectory",
    icon="timeline",
    section="Look",
    order=11,
    lead="Which path does one image take through the representation, step by step?",
)

CONTROLS = ("colour", "arrows", "morph")


def main() -> None:
    """The page."""
    with shell.page() as view:
        seed = state.seed(view)
        methods = methods_choice(view, "path_methods", most=3)
        rows = of_run(view.table("trajectory"), seed, methods)
        recorded = sorted(int(i) for i in rows["id"].unique())
        if not recorded:
            st.info("This study recorded no paths: `analysis.trajectories` was 0.", icon=":material/info:")
            return
        sample = choose(view, recorded, rows)
        drawn: dict[str, Any] = {"image": sample, "methods": methods, "seed": seed, "parts": ["distances"]}
        ways = way_of(view, methods, seed, sample)
        maps(view, methods, seed, key="path_map", focus=sample, paths=ways, controls=CONTROLS, arrows="none")
        chart(
            "trajectory",
            rows,
            view=view,
            key="trajectory",
            alt=f"Distance of image {sample} to the own and the false centroid at each step, per method",
            **drawn,
            pictures=Pictures.films(view.store, tuple(f"{method}-seed{seed}" for method in methods)),
        )
        shell.source(f"this study: {len(recorded)} recorded images, seed {seed}, {view.main} at eps {view.eps:g}")
        st.page_link("pages_/attack.py", label="Attack this image live, step by step", icon=":material/bolt:")
        shell.show_code(*figure_code(view, "trajectory", **drawn))


def way_of(view: View, methods: list[str], seed: int, sample: int) -> dict[str, Any]:
    """The recorded way of an image in each method's map, as plain values."""
    scene = MapScene.of(view.store, methods=methods, seed=seed)
    found = paths(view.store, scene, scene.positions([sample]))
    ways = found[0]["maps"] if found else []
    return {
        way["key"]: {name: np.asarray(way[name]).tolist() for name in ("points", "wrong", "breaks")} for way in ways
    }


def choose(view: View, recorded: list[int], rows: Frame) -> int:
    """The focus sample if its path was recorded, else the first recorded image; pictures to choose another."""
    focus = state.focus(view)
    sample = focus if focus in recorded else recorded[0]
    if sample != focus:
        st.caption(
            f"The path of image {focus} was not recorded; this is image {sample}. Click a picture to see another."
        )
    fooled = methods_fooled(rows)
    images = view.arrays("images")["test"]
    items = [
        Tile(
            id=i,
            images=[images[view.positions[i]]],
            title=view.classes[view.true_class(i)],
            note=f"fools {fooled.get(i, 0)}",
        )
        for i in recorded
    ]
    tiles(
        items, key="recorded", label="images whose path was recorded", size=36, focus=sample, on_press=state.set_focus
    )
    return sample


def methods_fooled(rows: Frame) -> dict[int, int]:
    """How many methods each recorded image fools at some step."""
    fooling = rows.loc[rows["success"].to_numpy(bool)]
    return {int(i): int(n) for i, n in fooling.groupby("id")["method"].nunique().items()}


main()
