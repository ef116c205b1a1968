"""The path of one image through the representation while it is attacked."""

from typing import Any

import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import methods_choice
from board.pages import PageInfo
from board.selection.shared import Frame, of_run
from board.snippets import figure_code
from board.studies import View
from board.tiles import Tile, tiles

from tla.plots import Pictures

PAGE = PageInfo(
    title="Trajectory",
    icon="timeline",
    section="Look",
    order=11,
    lead="Which path does one image take through the representation, step by step?",
)


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
        drawn: dict[str, Any] = {"image": sample, "methods": methods, "seed": seed}
        chart(
            "trajectory",
            rows,
            view=view,
            key="trajectory",
            alt=f"Path of image {sample} in each method's map, and its distance to the own and the false centroid",
            map=view.table("map"),
            **drawn,
            pictures=Pictures.films(view.store, tuple(f"{method}-seed{seed}" for method in methods)),
        )
        shell.source(f"this study: {len(recorded)} recorded images, seed {seed}, {view.main} at eps {view.eps:g}")
        st.page_link("pages_/attack.py", label="Attack this image live, step by step", icon=":material/bolt:")
        shell.show_code(*figure_code(view, "trajectory", **drawn))


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
