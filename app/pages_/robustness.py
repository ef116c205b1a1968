"""Accuracy under every attack with intervals, at other eps and steps, and the audit of the evaluation."""

import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import methods_choice
from board.pages import PageInfo
from board.selection.shared import Frame, of_run
from board.snippets import figure_code
from board.studies import View

PAGE = PageInfo(
    title="Robustness",
    icon="shield",
    section="Look",
    order=14,
    lead="How many images stay correct under each attack, and can you trust that number?",
)


def main() -> None:
    """The page."""
    with shell.page() as view:
        left, right = st.columns([6, 3], gap="medium", vertical_alignment="bottom")
        with left:
            methods = methods_choice(view, "robust_methods", most=6)
        across = right.segmented_control(
            "On the axis", ["attacks", "methods"], default="attacks", key="across", bind="query-params"
        )
        attacks = view.table("attacks")
        attacks = attacks.loc[attacks["method"].isin(methods)]
        chart(
            "accuracy_bars",
            attacks,
            view=view,
            key="bars",
            alt="Accuracy of each method under each attack, with 95 % intervals",
            across=across or "attacks",
        )
        chart(
            "accuracy_table",
            attacks,
            view=view,
            key="table",
            alt="Accuracy of each method under each attack, as a table",
        )
        other_budgets(view, attacks, methods)
        audit(view, methods)
        shell.show_code(*figure_code(view, "accuracy_bars", where=f"method in {methods}", across=across or "attacks"))


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
    with st.expander("Which class is mistaken for which", icon=":material/grid_on:"):
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
    rows = rows.loc[~rows["verdict"].isin(["OK", "NOT RUN"])]
    findings = rows[["method", "seed", "check", "verdict", "evidence", "advice"]]
    if len(findings):
        st.dataframe(findings, hide_index=True, key="findings", alt="What the audit found, with advice")
    else:
        st.success("No check found a problem.", icon=":material/check_circle:")


main()
