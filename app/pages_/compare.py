"""Two models side by side: both right, only one of them, neither; and the images of each group."""

from typing import Any

import streamlit as st
from board import shell, state
from board.charts import chart
from board.pages import PageInfo
from board.selection.shared import Frame, adversarial_images, predictions
from board.snippets import figure_code
from board.studies import View
from board.tiles import Tile, tiles

from tla.plots.agreement import SharedOutcomes, default_pair, shared_outcomes
from tla.plots.drawing.theme import attacks_of

PAGE = PageInfo(
    title="Compare two models",
    menu="Compare",
    icon="compare_arrows",
    section="Look",
    order=15,
    lead="Which images does only one of two models get right, and is the difference more than chance?",
)

MOST_TILES = 60


def main() -> None:
    """The page."""
    with shell.page() as view:
        attacks, seed = view.table("attacks"), state.seed(view)
        if len(view.methods) < 2:
            st.info("This study has one method; there is nothing to compare.", icon=":material/info:")
            return
        one, other, attack = choices(view, attacks)
        pair: dict[str, Any] = {"one": one, "other": other, "attack": attack, "eps": view.eps, "seed": seed}
        chart(
            "agreement",
            attacks,
            view=view,
            key="agreement",
            alt=f"How many images {one} and {other} have right: both, one of them, neither",
            **pair,
        )
        group(view, shared_outcomes(attacks, **pair), one, other, seed)
        chart(
            "differences",
            attacks,
            view=view,
            key="differences",
            alt=f"Difference of every method's accuracy to that of {one}, with intervals",
            base=one,
            attack=attack,
        )
        shell.show_code(*figure_code(view, "agreement", **pair))


def choices(view: View, attacks: Frame) -> tuple[str, str, str]:
    """Two models and an attack."""
    left, middle, right = st.columns([4, 4, 3], gap="medium", vertical_alignment="bottom")
    first = default_pair(attacks)[0]
    one = left.selectbox("One model", view.methods, view.methods.index(first), key="one", bind="query-params")
    rest = [method for method in view.methods if method != one]
    second = default_pair(attacks, one, None)[1]
    other = middle.selectbox("The other", rest, rest.index(second), key="other", bind="query-params")
    names = ["worst", *attacks_of(attacks["attack"])]
    help_text = "worst: an image counts as right only if no attack fools the model"
    attack = right.selectbox("Under which attack", names, key="under", bind="query-params", help=help_text)
    return one, other if other in rest else second, attack


def group(view: View, pair: SharedOutcomes, one: str, other: str, seed: int) -> None:
    """The images of one of the four groups; pressing one makes it the focus sample."""
    names = {
        "one": f"only {shell.label(one)}",
        "other": f"only {shell.label(other)}",
        "both": "both",
        "neither": "neither",
    }
    found = {name: [int(i) for i in ids] for name, ids in pair.groups.items()}
    chosen = st.segmented_control(
        "Who is right",
        list(names),
        default="one",
        format_func=lambda name: f"{names[name]} ({len(found[name])})",
        key="who",
        bind="query-params",
    )
    shown = found[chosen or "one"]
    items = [tile(view, i, (one, other), seed) for i in shown[:MOST_TILES]]
    label = f"images; right: {names[chosen or 'one']}"
    focus = state.focus(view)
    tiles(items, key="group", label=label, size=40, focus=focus, on_press=state.set_focus, nothing="No such image.")
    if len(shown) > MOST_TILES:
        st.caption(f"The first {MOST_TILES} of {len(shown)} are shown.")
    shell.source(
        f"this study: {len(pair.ids)} test images, seed {seed}. Pictures: clean, then as {view.main} at eps "
        f"{view.eps:g} left it for {shell.label(one)} and for {shell.label(other)}; below, what each says of its own."
    )


def tile(view: View, sample: int, methods: tuple[str, str], seed: int) -> Tile:
    """A clean image, the adversarial ones of both models, and what each model says of its own."""
    place = view.positions[sample]
    images = [view.arrays("images")["test"][place]]
    images += [adversarial_images(view, method, seed)[place] for method in methods]
    predicted = [view.classes[predictions(view, method, seed, sample).adversarial] for method in methods]
    return Tile(
        id=sample,
        images=images,
        title=f"{view.classes[view.truth(sample)]} → {predicted[0]} | {predicted[1]}",
        note=f"image {sample}",
    )


main()
