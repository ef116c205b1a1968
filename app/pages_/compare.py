"""Two models side by side: the images that both, one, or neither gets right."""

from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import method_box
from board.kept import kept
from board.pages import PageInfo
from board.selection.shared import Frame, adversarial_images, of_run
from board.snippets import figure_code
from board.studies import View
from board.tiles import Tile, tiles
from board.words import count

from tla.plots.agreement import SharedOutcomes, default_pair, shared_outcomes
from tla.plots.drawing.theme import attacks_of
from tla.statistics import at_eps

PAGE = PageInfo(
    title="Compare two models",
    menu="Compare",
    icon="compare_arrows",
    section="Look",
    order=15,
    lead="Which images does only one of two networks get right, and does that say anything about the methods?",
)

MOST_TILES = 60
EMPTY = 128
"""Grey of the place of a picture that the study does not keep."""


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
            alt=f"How many images {shell.label(one)} and {shell.label(other)} get right: both, one, none",
            **pair,
        )
        decided = {name: kept(deciding, view, attacks, name, seed, attack) for name in (one, other)}
        group(view, kept(shared_outcomes, attacks, **pair), decided, seed)
        chart(
            "differences",
            attacks,
            view=view,
            key="differences",
            alt=f"Accuracy of every method minus that of {shell.label(one)}, with intervals",
            base=one,
            attack=attack,
        )
        shell.show_code(*figure_code(view, "agreement", **pair))


def choices(view: View, attacks: Frame) -> tuple[str, str, str]:
    """Two models and an attack."""
    left, middle, right = st.columns([4, 4, 3], gap="medium", vertical_alignment="bottom")
    first = default_pair(attacks)[0]
    one = method_box(left, "Model A", view.methods, first, "one")
    rest = [method for method in view.methods if method != one]
    second = default_pair(attacks, one, None)[1]
    other = method_box(middle, "Model B", rest, second, "other")
    names = ["worst", *attacks_of(attacks["attack"])]
    help_text = "worst: an image counts as correct only if no attack fools the model"
    attack = right.selectbox("Attack", names, key="under", bind="query-params", help=help_text)
    return one, other, attack


class DecidingAttack(NamedTuple):
    """The attack that decided whether a model counts as right on an image.

    Attributes:
        attack: Its label, "pgd".
        prediction: The class that the model predicts under it.
    """

    attack: str
    prediction: int


def deciding(view: View, attacks: Frame, method: str, seed: int, attack: str) -> dict[int, DecidingAttack]:
    """By image; under "worst" the main attack if it fools, else the first that does, else the main one."""
    rows = at_eps(of_run(attacks, seed, [method]), view.eps)
    rows = rows.loc[rows["attack"] != "clean" if attack == "worst" else rows["attack"] == attack]
    first = rows.assign(held=~rows["success"].astype(bool), other=rows["attack"] != view.main)
    first = first.sort_values(["held", "other"], kind="stable").drop_duplicates("id")
    columns = (first[name].to_numpy() for name in ("id", "attack", "prediction"))
    return {int(i): DecidingAttack(str(name), int(predicted)) for i, name, predicted in zip(*columns, strict=True)}


def group(view: View, pair: SharedOutcomes, decided: dict[str, dict[int, DecidingAttack]], seed: int) -> None:
    """The images of one of the four groups; pressing one makes it the focus sample."""
    one, other = decided
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
    items = [tile(view, i, decided, seed) for i in shown[:MOST_TILES]]
    label = f"images; correct: {names[chosen or 'one']}"
    focus = state.focus(view)
    tiles(items, key="group", label=label, size=40, focus=focus, on_press=state.set_focus, nothing="No such image.")
    if len(shown) > MOST_TILES:
        st.caption(f"The first {MOST_TILES} of {len(shown)} are shown.")
    if view.bare:
        return
    shell.source(
        f"this study: {count(len(pair.ids), 'test image')}, seed {seed}. Pictures: the clean image | attacked on "
        f"{shell.label(one)} | on {shell.label(other)}; below, what each predicts then, and under which attack. The "
        f"study keeps the pictures of {view.main}: where another attack decided, its place is empty."
    )


def tile(view: View, sample: int, decided: dict[str, dict[int, DecidingAttack]], seed: int) -> Tile:
    """A clean image, the image of the attack that decided for each model, and what the model predicts for it."""
    row, images, said = view.positions[sample], view.clean_picture(sample), []
    for method, of in decided.items():
        decision = of[sample]
        kept = decision.attack == view.main
        if images:
            images.append(adversarial_images(view, method, seed)[row] if kept else np.full_like(images[0], EMPTY))
        said.append(view.classes[decision.prediction])
    attacks = dict.fromkeys(of[sample].attack for of in decided.values())
    return Tile(
        id=sample,
        images=images,
        title=f"{view.classes[view.true_class(sample)]} → {said[0]} | {said[1]}",
        note=f"image {sample}: {' | '.join(attacks)}",
        signs=("→", "|"),
    )


shell.body(main)
