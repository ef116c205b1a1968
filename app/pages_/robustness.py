"""Accuracy under every attack with intervals, at other eps and steps, and the audit of the evaluation."""

from html import unescape
from typing import Any

import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import methods_choice
from board.pages import PageInfo
from board.selection.robustness import TurnedImages, beside_paper, turned
from board.selection.shared import Frame, adversarial_picture, of_methods, of_run
from board.snippets import figure_code
from board.studies import View
from board.tiles import Tile, tiles

from tla.plots.drawing.theme import attack_label, attacks_of
from tla.statistics.accuracy import CLEAN, WORST

PAGE = PageInfo(
    title="Robustness",
    icon="shield",
    section="Look",
    order=14,
    lead="How many images stay correct under each attack, and can you trust that number?",
)

MOST_TILES = 60
BAR_METHOD, BAR_ATTACK = "bar_method", "bar_attack"


def main() -> None:
    """The page."""
    with shell.page() as view:
        left, right = st.columns([6, 3], gap="medium", vertical_alignment="bottom")
        with left:
            methods = methods_choice(view, "robust_methods", most=6)
        across = right.segmented_control(
            "On the axis", ["attacks", "methods"], default="attacks", key="across", bind="query-params"
        )
        attacks = of_methods(view.table("attacks"), methods)
        chart(
            "accuracy_bars",
            attacks,
            view=view,
            key="bars",
            alt="Accuracy of each method under each attack, with 95 % intervals",
            on_press=press,
            across=across or "attacks",
        )
        behind(view, attacks, methods)
        chart(
            "accuracy_table",
            attacks,
            view=view,
            key="table",
            alt="Accuracy of each method under each attack, as a table",
        )
        paper(view, attacks)
        other_budgets(view, attacks, methods)
        audit(view, methods)
        shell.show_code(*figure_code(view, "accuracy_bars", where=f"method in {methods}", across=across or "attacks"))


def press(bar: Any) -> None:
    """Choose the bar that was pressed."""
    _, method, attack = bar
    st.session_state[BAR_METHOD], st.session_state[BAR_ATTACK] = method, attack


def behind(view: View, attacks: Frame, methods: list[str]) -> None:
    """The images behind a bar: those that this attack turned, for that method."""
    left, right = st.columns(2, gap="medium")
    names = [*attacks_of(attacks["attack"]), WORST]
    attack = left.selectbox(
        "Images behind a bar: attack",
        names,
        index=None,
        format_func=lambda name: unescape(attack_label(name)),
        placeholder="press a bar, or choose",
        key=BAR_ATTACK,
    )
    method = right.selectbox("of method", methods, index=0, format_func=shell.label, key=BAR_METHOD)
    if attack is None or method is None:
        return
    seed = state.seed(view)
    found = turned(view, method, seed, attack)
    st.markdown(f"**{count_of(found, attack, shell.label(method))}**")
    shown = found.rows.head(MOST_TILES)
    tiles(
        [tile(view, method, seed, row) for row in shown.to_dict("records")],
        key="behind",
        label="images behind the bar",
        size=40,
        focus=state.focus(view),
        on_press=state.set_focus,
        nothing="No such image.",
    )
    more = f"; the first {MOST_TILES} of {len(found.rows)} are shown" if len(found.rows) > MOST_TILES else ""
    shell.source(f"this study: seed {seed}{more}. The study keeps the attacked pictures of {view.main} only")


def count_of(found: TurnedImages, attack: str, label: str) -> str:
    """How many images are behind a bar, in a sentence."""
    n = len(found.rows)
    if attack == CLEAN:
        return f"{label} is wrong on {n} of {found.right} clean images"
    by = "At least one attack" if attack == WORST else unescape(attack_label(attack))
    return f"{by} turns {n} of the {found.right} images that {label} gets right"


def tile(view: View, method: str, seed: int, row: dict[Any, Any]) -> Tile:
    """An image, where it was kept its attacked version, and what the model takes it for."""
    sample = int(row["id"])
    images = view.clean_picture(sample)
    if row["attack"] == view.main:
        images = [*images, *adversarial_picture(view, method, seed, sample)]
    return Tile(
        id=sample,
        images=images,
        title=f"{view.class_name(int(row['y']))} → {view.class_name(int(row['prediction']))}",
        note=f"image {sample}" + ("" if row["attack"] == CLEAN else f", {unescape(attack_label(row['attack']))}"),
    )


def paper(view: View, attacks: Frame) -> None:
    """The paper's accuracies, this study's, and the differences; nothing where the paper has no such row."""
    rows = beside_paper(view, attacks)
    if rows.empty:
        return
    st.subheader("Beside the paper", anchor=False)
    rows = rows.rename(index=shell.label, level=0)
    rows.index.names = ["method", "accuracy (%)"]
    st.dataframe(
        rows.reset_index(), hide_index=True, key="paper", alt="Accuracy of the paper, ours, and the difference"
    )
    shell.source(
        "paper: Mao et al. 2019, all test images; numbers in brackets are recalled, not confirmed by the poster. Ours: "
        f"{attacks['id'].nunique()} test images, ±: half-width of the 95 % interval (Wilson) over them. Networks "
        "and schedules differ; attacks with other steps than the paper's are left out"
    )


def other_budgets(view: View, attacks: Frame, methods: list[str]) -> None:
    """Accuracy against eps and attack steps, and true against predicted class."""
    left, right = st.columns(2, gap="medium")
    with left:
        alt = "Accuracy against eps for each method"
        chart("accuracy_curve", attacks, view=view, key="curve", share=0.48, alt=alt)
    with right:
        if view.has("trajectory"):
            rows = of_run(view.table("trajectory"), state.seed(view), methods)
            alt = "Share of images not yet fooled against attack steps"
            chart("accuracy_steps", rows, view=view, key="steps", share=0.48, alt=alt)
    label = "Which class is mistaken for which"
    with st.expander(label, icon=":material/grid_on:", key="unfold_confused", on_change="rerun") as folded:
        if folded.open:
            alt = "Confusion matrix under attack for each method"
            chart("class_confusion", attacks, view=view, key="confused", alt=alt, methods=methods)


def audit(view: View, methods: list[str]) -> None:
    """The audit's verdicts: can this evaluation be trusted?"""
    st.subheader("Can it be trusted?", anchor=False)
    if not view.has("audit"):
        st.info("This study was run without an audit.", icon=":material/info:")
        return
    rows = view.table("audit")
    rows = rows.loc[rows["method"].isin(methods)]
    chart("audit_verdicts", rows, view=view, key="audit", alt="Verdict of every check of the audit for each method")
    found = rows.loc[~rows["verdict"].isin(["OK", "NOT RUN"])]
    for row in found.to_dict("records"):
        with st.container(border=True):
            st.markdown(f"**{shell.label(row['method'])}, seed {row['seed']} · {row['check']}: {row['verdict']}**")
            st.text(f"{row['evidence']}\n{row['advice']}".strip())
    if found.empty:
        st.success("No check found a problem.", icon=":material/check_circle:")
    label = "What each check measured"
    with st.expander(label, icon=":material/checklist:", key="unfold_checks", on_change="rerun") as folded:
        for row in rows.to_dict("records") if folded.open else []:
            head = f"{shell.label(row['method'])}, seed {row['seed']} · {row['check']}: {row['verdict']}"
            st.text(f"{head}\n{row['evidence']}")


shell.body(main)
