"""Two models side by side: the images that both, one, or neither gets right."""

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
    lead="Which images does only one of two networks get right, and does that say anything about the methods?",
)

MOST_TILES = 60


def main() -> None:
    """The page."""
    with shell.page() as view:
        attacks, seed = view.table("attacks"), state.seed(view)
        if len(view.methods) < 2:
            st.info("This study has only one method, so there is nothing to compare.", icon=":material/info:")
            return
        one, other, attack = choices(view, attacks)
        pair: dict[str, Any] = {"one": one, "other": other, "attack": attack, "eps": view.eps, "seed": seed}
        chart(
            "agreement",
            attacks,
            view=view,
            key="agreement",
            alt=f"How many images both {one} and {other} get right, only one of them, or neither",
            **pair,
        )
        group(view, shared_outcomes(attacks, **pair), one, other, seed)
        chart(
            "differences",
            attacks,
            view=view,
            key="differences",
            alt=f"Accuracy of every method minus that of {one}, with intervals",
            base=one,
            attack=attack,
        )
        shell.show_code(*figure_code(view, "agreement", **pair))


def choices(view: View, attacks: Frame) -> tuple[str, str, str]:
    """Two models and an attack."""
    left, middle, right = st.columns([4, 4, 3], gap="medium", vertical_alignment="bottom")
    first = default_pair(attacks)[0]
    one = left.selectbox("Model A", view.methods, view.methods.index(first), key="one", bind="query-params")
    rest = [method for method in view.methods if method != one]
    second = default_pair(attacks, one, None)[1]
    other = middle.selectbox("Model B", rest, rest.index(second), key="other", bind="query-params")
    names = ["worst", *attacks_of(attacks["attack"])]
    help_text = "worst: an image counts as correct only if no attack fools the model"
    attack = right.selectbox("Attack", names, key="under", bind="query-params", help=help_text)
    return one, other if other in rest else second, attack


def group(view: View, pair: SharedOutcomes, one: str, other: str, seed: int) -> None:
    """The images of one of the four groups; pressing one makes it the focus sample."""
    names = {
        "one": f"only {shell.label(one)}",
        "other": f"only {shell.label(other)}",
        "both": "both",
        "neither": "neither",
    }
    groups = {name: [int(i) for i in ids] for name, ids in pair.groups.items()}
    chosen = st.segmented_control(
        "Correct",
        list(names),
        default="one",
        format_func=lambda name: f"{names[name]} ({len(groups[name])})",
        key="who",
        bind="query-params",
    )
    shown = groups[chosen or "one"]
    items = [tile(view, i, (one, other), seed) for i in shown[:MOST_TILES]]
    label = f"images; correct: {names[chosen or 'one']}"
    focus = state.focus(view)
    tiles(items, key="group", label=label, size=40, focus=focus, on_press=state.set_focus, nothing="No such image.")
    if len(shown) > MOST_TILES:
        st.caption(f"The first {MOST_TILES} of {len(shown)} are shown.")
    shell.source(
        f"this study: {len(pair.ids)} test images, seed {seed}. Pictures: the clean image, then {view.main} at eps "
        f"{view.eps:g} against {shell.label(one)} and against {shell.label(other)}; below, what each model predicts."
    )


def tile(view: View, sample: int, methods: tuple[str, str], seed: int) -> Tile:
    """A clean image, the adversarial images of both models, and the prediction of each."""
    row = view.positions[sample]
    images = [view.arrays("images")["test"][row]]
    images += [adversarial_images(view, method, seed)[row] for method in methods]
    predicted = [view.classes[predictions(view, method, seed, sample).adversarial] for method in methods]
    return Tile(
        id=sample,
        images=images,
        title=f"{view.classes[view.true_class(sample)]} → {predicted[0]} | {predicted[1]}",
        note=f"image {sample}",
    )


main()
