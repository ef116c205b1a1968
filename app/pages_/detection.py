"""Detection of adversarial images that fool the model: ROC, scores, and the images that a detector gets errors."""

from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from board import shell, state
from board.charts import chart, look
from board.choices import method_choice, methods_choice
from board.kept import kept
from board.pages import PageInfo
from board.selection.detection import OperatingPoints, detector_errors, failure_measures
from board.selection.shared import Frame, adversarial_picture, of_run
from board.snippets import figure_code
from board.studies import View
from board.threshold import chosen_share, offered, threshold
from board.tiles import Tile, tiles
from board.words import count

from tla.messages import radius_text
from tla.plots.drawing.scores import detectors_of, selected

PAGE = PageInfo(
    title="Detection",
    icon="policy",
    section="Look",
    order=13,
    lead="Can a detector tell adversarial images that fool the model from clean ones, by their embedding or logits?",
)

MOST_TILES = 40
REFUSED = "refused"
RANGES = {"whole": "all", "few": "up to 10 %"}


class DetectionSettings(NamedTuple):
    """A detection score, the eps of the attack, and whether the attacker knows the detector."""

    detector: str
    eps: float
    adaptive: bool


def main() -> None:
    """The page."""
    with shell.page() as view:
        seed = state.seed(view)
        methods, settings = controls(view)
        rows = of_run(view.table("detection"), seed, methods)
        results(view, rows, kept(offered, rows, methods, **settings._asdict()), settings, seed)


def controls(view: View) -> tuple[list[str], DetectionSettings]:
    """The controls of the whole page."""
    frame = view.table("detection")
    one, two, three = st.columns([5, 4, 3], gap="medium", vertical_alignment="bottom")
    with one:
        methods = methods_choice(view, "detection_methods", most=4)
    detectors = detectors_of(frame)
    detector = two.selectbox("Score", detectors, key="detector", bind="query-params")
    radii = sorted(float(eps) for eps in frame["eps"].unique())
    eps = radii[-1]
    if not view.condition:
        eps = three.select_slider(
            "Attack eps",
            radii,
            value=min(radii, key=lambda radius: abs(radius - view.eps)),
            format_func=radius_text,
            key="detection_eps",
            bind="query-params",
            help=f"The models were trained at eps {view.radius}.",
        )
    adaptive = False
    if (frame["adaptive"].to_numpy(bool) & np.isclose(frame["eps"].to_numpy(float), eps)).any():
        adaptive = one.toggle("The attacker knows the detector", key="adaptive", bind="query-params")
    return methods, DetectionSettings(detector or detectors[0], float(eps), adaptive)


@st.fragment
def results(
    view: View, rows: Frame, points: dict[str, OperatingPoints], settings: DetectionSettings, seed: int
) -> None:
    """Everything that depends on the threshold; its controls rerun this fragment only."""
    shell.follow_frame()
    methods, refused = list(points), chosen_share(REFUSED)
    under = view.under if view.condition else f"attack eps {radius_text(settings.eps)}"
    threshold(points, look(view), key=REFUSED, roc="roc", histograms="score_histograms")
    shell.source(
        f"this study, seed {seed}, {under}; each method has its own threshold, so that all refuse the same share of "
        "clean images." + attacker(view, rows, settings)
    )
    shown = st.segmented_control(
        "False positive rates",
        list(RANGES),
        default="whole",
        format_func=RANGES.__getitem__,
        key="roc_part",
        bind="query-params",
    )
    options = settings._asdict() | {"false_alarms": refused}
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
            parts=[shown or "whole"],
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
    shell.let_draw()
    coverage(view, rows, settings, methods)
    mistakes(view, methods, seed, options)
    shell.show_code(*figure_code(view, "roc", where=f"seed == {seed}", **drawn, parts=[shown or "whole"]))


def attacker(view: View, rows: Frame, settings: DetectionSettings) -> str:
    """What the attacker knows, and on how many images, if not on all."""
    if view.condition:
        return ""
    if not settings.adaptive:
        return " Not adaptive: the attacker does not know about the detector."
    images = selected(rows, settings.detector, settings.eps, adaptive=True)["id"].nunique()
    return f" {images} of {count(len(view.ids), 'image')} were attacked so." if images < len(view.ids) else ""


def coverage(view: View, rows: Frame, settings: DetectionSettings, methods: list[str]) -> None:
    """Risk and coverage over all rows: nothing is left out, as the ROC curve leaves out some."""
    st.subheader("What goes wrong among the accepted", anchor=False)
    alt = "Share of the accepted images that is wrong, against the share accepted, for each method"
    chart("risk_coverage", rows, view=view, key="risk_coverage", alt=alt, methods=methods, **settings._asdict())
    measured = kept(failure_measures, rows, methods, **settings._asdict())
    if len(measured):
        alt = "AUROC of failure, AURC, AUGRC and E-AUGRC of each method, with intervals"
        st.dataframe(measured, key="failure_measures", alt=alt)
    shell.source(
        "this study, every clean and attacked row, right and wrong: the ROC curve above leaves out attacked images "
        "that stay right and clean ones that are wrong. In brackets: 95 % interval over the images."
    )


def mistakes(view: View, methods: list[str], seed: int, options: dict[str, Any]) -> None:
    """The images that the detector gets wrong: adversarial ones that pass, clean ones that it refuses."""
    head, choice = st.columns([4, 6], vertical_alignment="bottom")
    head.subheader("Where the detector is wrong", anchor=False)
    with choice:
        method = method_choice("Method", methods, "detection_shown")
    errors = kept(detector_errors, view, method, seed, **options)
    sample = state.focus(view)
    for column, (title, rows, total, kind) in zip(
        st.columns(2, gap="medium"),
        (
            ("Wrongly passed: adversarial, misclassified, not refused", errors.passed, errors.positives, "adversarial"),
            ("Wrongly refused: clean, correct, refused", errors.refused, errors.negatives, "clean"),
        ),
        strict=True,
    ):
        with column:
            st.markdown(f"**{view.said(title)}** ({len(rows)} of {total})")
            tiles(
                [tile(view, method, seed, row, kind, options) for row in rows.head(MOST_TILES).to_dict("records")],
                key=f"slipped_{kind}",
                label=title,
                size=40,
                focus=sample,
                on_press=state.set_focus,
                nothing="None at this threshold.",
            )
    shell.source(
        f"this study: {errors.positives} misclassified {view.said('adversarial')} and {errors.negatives} correct clean "
        f"images, seed {seed}, {shell.label(method)}; refused at a score of {errors.threshold:.4g} or more. "
        "Worst errors first."
    )


def tile(view: View, method: str, seed: int, row: dict, kind: str, options: dict[str, Any]) -> Tile:
    """An image that the detector gets wrong; adversarial ones are stored for the main attack at the study's eps."""
    sample = int(row["id"])
    images = view.clean_picture(sample)
    if kind == "adversarial" and abs(options["eps"] - view.eps) < 1e-6 and not options["adaptive"]:
        images = adversarial_picture(view, method, seed, sample)
    title = view.class_name(int(row["y"]))
    title += f" → {view.class_name(int(row['prediction']))}" if kind == "adversarial" else ""
    return Tile(id=int(row["id"]), images=images, title=title, note=f"score {row['score']:.3g}")


shell.body(main)
