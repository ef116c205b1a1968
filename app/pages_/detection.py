"""Can misclassified adversarial images be told from clean ones? ROC, scores, and the images that slip through."""

from typing import Any, NamedTuple

import streamlit as st
from board import shell, state
from board.charts import chart, look
from board.choices import method_choice, methods_choice
from board.pages import PageInfo
from board.selection.detection import OperatingPoints, detector_errors, operating_points
from board.selection.shared import Frame, adversarial_images, of_run
from board.snippets import figure_code
from board.studies import View
from board.threshold import SHARES, chosen, threshold
from board.tiles import Tile, tiles

from tla.plots.drawing.scores import detectors_of

PAGE = PageInfo(
    title="Detection",
    icon="policy",
    section="Look",
    order=13,
    lead="Can a detector tell adversarial images that fool the model from clean ones, by their embedding or logits?",
)

MOST_TILES = 40
REFUSED = "refused"
JUMPED = "detection_jumped"
PARTS = {"whole": "all", "few": "up to 10 %"}


class Asked(NamedTuple):
    """What is asked: a score, a radius, and an attacker who may know the detector."""

    detector: str
    eps: float
    adaptive: bool


def main() -> None:
    """The page."""
    with shell.page() as view:
        seed = state.seed(view)
        methods, asked = ask(view)
        rows = of_run(view.table("detection"), seed, methods)
        answer(view, rows, operating_points(rows, methods, SHARES, **asked._asdict()), asked, seed)


def ask(view: View) -> tuple[list[str], Asked]:
    """The controls of the whole page."""
    frame = view.table("detection")
    one, two, three = st.columns([6, 3, 3], gap="medium", vertical_alignment="bottom")
    with one:
        methods = methods_choice(view, "detection_methods", most=4)
    detectors = detectors_of(frame)
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
    adaptive = False
    if frame["adaptive"].to_numpy(bool).any():
        adaptive = one.toggle("Attacker knows the detector", key="adaptive", bind="query-params")
    return methods, Asked(detector or detectors[0], float(eps), adaptive)


@st.fragment
def answer(view: View, rows: Frame, found: dict[str, OperatingPoints], asked: Asked, seed: int) -> None:
    """What follows from the threshold; its controls run this part of the page again, and nothing else."""
    if st.session_state.pop(JUMPED, False):
        st.rerun()
    methods, refused = list(found), chosen(REFUSED)
    threshold(found, look(view), key=REFUSED, roc="roc", histograms="score_histograms")
    shell.source(
        f"this study, seed {seed}, attack eps {asked.eps:g}; each method refuses at its own score, so that all refuse "
        "the same share of clean images."
        + ("" if asked.adaptive else " Not adaptive: the attacker does not know that a detector is there.")
    )
    part = st.segmented_control(
        "False positive rates",
        list(PARTS),
        default="whole",
        format_func=PARTS.__getitem__,
        key="roc_part",
        bind="query-params",
    )
    options = asked._asdict() | {"false_alarms": refused}
    drawn: dict[str, Any] = options | {"methods": methods}
    left, right = st.columns([44, 56], gap="medium")
    with left:
        chart(
            "roc",
            rows,
            view=view,
            key="roc",
            share=0.43,
            alt="ROC curve of misclassification detection for each method, with a bootstrap band",
            parts=[part or "whole"],
            **drawn,
        )
    with right:
        chart(
            "score_histograms",
            rows,
            view=view,
            key="score_histograms",
            share=0.55,
            alt="Histogram of the score for clean and for misclassified adversarial images, per method",
            bins=30,
            **drawn,
        )
    slipped(view, methods, seed, options)
    shell.show_code(*figure_code(view, "roc", where=f"seed == {seed}", **drawn, parts=[part or "whole"]))


def slipped(view: View, methods: list[str], seed: int, options: dict[str, Any]) -> None:
    """The images themselves: fooled and passed, clean and refused."""
    head, choice = st.columns([4, 6], vertical_alignment="bottom")
    head.subheader("Where the detector is wrong", anchor=False)
    with choice:
        method = method_choice("Method", methods, "detection_shown")
    wrong = detector_errors(view, method, seed, **options)
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
                [tile(view, method, seed, row, kind, options) for row in rows.head(MOST_TILES).to_dict("records")],
                key=f"slipped_{kind}",
                label=title,
                size=40,
                focus=sample,
                on_press=jump,
                nothing="None at this threshold.",
            )
    shell.source(
        f"this study: {wrong.positives} misclassified adversarial and {wrong.negatives} correct clean images, "
        f"seed {seed}, {shell.label(method)}; refused at a score of {wrong.threshold:.4g} and above. "
        "Most glaring first."
    )


def jump(sample: int) -> None:
    """Make a pressed image the focus sample; the side bar, which shows it, lies outside of `answer`."""
    state.set_focus(sample)
    st.session_state[JUMPED] = True


def tile(view: View, method: str, seed: int, row: dict, kind: str, options: dict[str, Any]) -> Tile:
    """One misjudged image; its adversarial twin is kept only for the main attack at the study's eps."""
    place = view.positions[int(row["id"])]
    images = [view.arrays("images")["test"][place]]
    if kind == "adversarial" and abs(options["eps"] - view.eps) < 1e-6 and not options["adaptive"]:
        images = [adversarial_images(view, method, seed)[place]]
    names = view.classes
    title = (
        f"{names[int(row['y'])]} → {names[int(row['prediction'])]}" if kind == "adversarial" else names[int(row["y"])]
    )
    return Tile(id=int(row["id"]), images=images, title=title, note=f"score {row['score']:.3g}")


main()
