"""Can misclassified adversarial images be told from clean ones? ROC, scores, and the images that slip through."""

from typing import Any, NamedTuple

import streamlit as st
from board import select, shell, state
from board.charts import chart
from board.choices import method_choice, methods_choice
from board.studies import View
from board.tiles import Tile, tiles

MOST_TILES = 40


class Question(NamedTuple):
    """What is asked: a score, a radius, an attacker, and the share of clean images that may be refused."""

    detector: str
    eps: float
    adaptive: bool
    false_alarms: float

    @property
    def options(self) -> dict[str, Any]:
        """The same as keyword arguments of the figures."""
        return self._asdict()


def main() -> None:
    """The page."""
    with shell.page() as view:
        seed = state.seed(view)
        question, methods = ask(view)
        rows = select.of_run(view.table("detection"), seed, methods)
        roc(view, rows, methods, question)
        matrices(view, rows, methods, question)
        slipped(view, methods, seed, question)
        shell.show_code(
            "from tla.plots import draw",
            "from tla.study import locate",
            "",
            f'draw("roc", locate("{view.path}"), detector="{question.detector}", eps={question.eps:g},',
            f"     adaptive={question.adaptive}, methods={methods}, false_alarms={question.false_alarms:g})",
        )


def ask(view: View) -> tuple[Question, list[str]]:
    """The controls."""
    frame = view.table("detection")
    one, two, three, four = st.columns([6, 3, 3, 4], gap="medium", vertical_alignment="bottom")
    with one:
        methods = methods_choice(view, "detection_methods", most=4)
    detectors = select.detectors(frame)
    detector = two.selectbox("Score", detectors, key="detector", bind="query-params")
    radii = sorted(float(eps) for eps in frame["eps"].unique())
    eps = three.select_slider(
        "Attack eps",
        radii,
        value=radii[-1],
        format_func=lambda value: f"{value:g}",
        key="detection_eps",
        bind="query-params",
        help=f"The models were trained at eps {view.eps:g}.",
    )
    refused = four.slider(
        "Clean images refused",
        0.0,
        50.0,
        5.0,
        0.5,
        format="%.1f %%",
        key="refused",
        bind="query-params",
        help="The threshold: each method refuses at its own score, so that all refuse this share of clean images.",
    )
    adaptive = False
    if frame["adaptive"].to_numpy(bool).any():
        adaptive = one.toggle("Attacker knows the detector", key="adaptive", bind="query-params")
    return Question(detector or detectors[0], float(eps), adaptive, refused / 100), methods


def roc(view: View, rows: select.Frame, methods: list[str], question: Question) -> None:
    """The curve of each method, with its bootstrap band and the threshold."""
    chart(
        "roc",
        rows,
        view=view,
        key="roc",
        alt="ROC curve of misclassification detection for each method, with a bootstrap band",
        methods=methods,
        **question.options,
    )
    if not question.adaptive:
        st.caption(":material/warning: Not adaptive: this attacker does not know that a detector is there.")


def matrices(view: View, rows: select.Frame, methods: list[str], question: Question) -> None:
    """Histograms of the scores, and what the threshold makes of them."""
    for name, alt in (
        ("score_histograms", "Histogram of the score for clean and for misclassified adversarial images, per method"),
        ("confusion", "Refused and passed images at the threshold, per method"),
    ):
        chart(name, rows, view=view, key=name, alt=alt, methods=methods, **question.options)


def slipped(view: View, methods: list[str], seed: int, question: Question) -> None:
    """The images themselves: fooled and passed, clean and refused."""
    head, choice = st.columns([4, 6], vertical_alignment="bottom")
    head.subheader("Where the detector is wrong", anchor=False)
    with choice:
        method = method_choice("Method", methods, "detection_shown")
    wrong = select.misjudged(view, method, seed, **question.options)
    sample = state.focus(view)
    for column, (title, rows, kind) in zip(
        st.columns(2, gap="medium"),
        (
            ("Wrongly passed: adversarial, misclassified, not refused", wrong.passed, "adversarial"),
            ("Wrongly refused: clean, correct, refused", wrong.refused, "clean"),
        ),
        strict=True,
    ):
        with column:
            st.markdown(f"**{title}** ({len(rows)} of {wrong.positives if kind == 'adversarial' else wrong.negatives})")
            tiles(
                [tile(view, method, seed, row, kind, question) for row in rows.head(MOST_TILES).to_dict("records")],
                key=f"slipped_{kind}",
                label=title,
                size=40,
                focus=sample,
                on_press=state.set_focus,
                nothing="None at this threshold.",
            )
    shell.source(
        f"this study: {wrong.positives} misclassified adversarial and {wrong.negatives} correct clean images, "
        f"seed {seed}, {shell.label(method)}; refused at a score of {wrong.threshold:.4g} and above. "
        "Most glaring first."
    )


def tile(view: View, method: str, seed: int, row: dict, kind: str, question: Question) -> Tile:
    """One misjudged image; its adversarial twin is kept only for the main attack at the study's eps."""
    place = view.positions[int(row["id"])]
    images = [view.arrays("images")["test"][place]]
    if kind == "adversarial" and abs(question.eps - view.eps) < 1e-6 and not question.adaptive:
        images = [select.adversarial(view, method, seed)[place]]
    names = view.classes
    title = (
        f"{names[int(row['y'])]} → {names[int(row['prediction'])]}" if kind == "adversarial" else names[int(row["y"])]
    )
    return Tile(id=int(row["id"]), images=images, title=title, note=f"score {row['score']:.3g}")


main()
