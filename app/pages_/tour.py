"""Six scenes, from an image that changes class to a robust representation."""

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st
from board import shell, state
from board.charts import chart
from board.pages import PageInfo
from board.selection.shared import adversarial_images, of_run, predictions
from board.studies import View

from tla.plots import Pictures
from tla.plots.drawing.theme import attack_label

PAGE = PageInfo(
    title="Representation under attack",
    menu="Tour",
    icon="explore",
    order=0,
    lead="What an attack does inside a network, in six scenes.",
)


class Scene(NamedTuple):
    """One scene: its name, its text, what it shows, and the page with more about it."""

    name: str
    text: str
    show: Callable[[View], None]
    page: str
    link: str


def image(view: View) -> None:
    """An image, the noise, and what a model predicts for their sum."""
    view.need("An image before and after", pictures=True)
    seed, sample = state.seed(view), state.focus(view)
    first = available(view, "natural")[0]
    method = st.segmented_control("Model", view.methods, default=first, key="tour_model") or first
    predicted = predictions(view, method, seed, sample)
    row = view.positions[sample]
    chart(
        "attack_triptych",
        view.arrays("images")["test"][row],
        adversarial_images(view, method, seed)[row],
        view=view,
        key="tour_image",
        alt=f"Image {sample}, the noise magnified, and the adversarial image of {method}",
        y=view.true_class(sample),
        prediction=predicted,
        name=f"{shell.label(method)} under {view.under if view.condition else attack_label(view.main)}",
    )


def landing(view: View) -> None:
    """Where the images land in the maps."""
    chart(
        "shift_arrows",
        view.table("map"),
        view=view,
        key="tour_map",
        alt="Maps of the embedding with an arrow from every image to its adversarial version",
        shift=view.table("shift"),
        methods=available(view, "natural", "at"),
        seed=state.seed(view),
        marked=[state.focus(view)],
        on_ids=state.pick,
    )


def triplet(view: View) -> None:
    """The triplet loss, drawn."""
    alpha = st.slider("Margin alpha", 0.0, 0.3, 0.05, 0.01, key="tour_alpha")
    chart(
        "triplet_drawn",
        view=view,
        key="tour_triplet",
        alt="Anchor, positive and negative as arrows, and the wedge that the loss keeps free of negatives",
        alpha=alpha,
    )


def after(view: View) -> None:
    """The adversarial images of one class, for each method."""
    view.need("The images of one class", classes=True)
    names = view.classes
    chosen = st.pills("Class", names, key="tour_class", help="By default, the class that is misclassified most often.")
    chart(
        "one_class",
        view.table("map"),
        view=view,
        key="tour_class_map",
        alt="Adversarial images of one class in each method's map, coloured by the predicted class",
        shift=view.table("shift"),
        klass=names.index(chosen) if chosen in names else None,
        methods=available(view, "natural", "at", "alp", "tla"),
        seed=state.seed(view),
    )


def detection(view: View) -> None:
    """Detection of misclassified adversarial images."""
    refused = st.slider("Share of clean images refused", 0.0, 30.0, 5.0, 0.5, format="%.1f %%", key="tour_refused")
    chart(
        "roc",
        of_run(view.table("detection"), state.seed(view)),
        view=view,
        key="tour_roc",
        alt="ROC curve of misclassification detection for each method",
        methods=available(view, "natural", "at", "alp", "tla"),
        false_alarms=refused / 100,
    )


def neighbours(view: View) -> None:
    """The nearest training images of one query."""
    seed = state.seed(view)
    methods = available(view, "natural", "at", "tla")
    kind = st.segmented_control("Query", ["clean", "adversarial"], default="adversarial", key="tour_kind")
    chart(
        "neighbour_rows",
        of_run(view.table("neighbours"), seed),
        view=view,
        key="tour_neighbours",
        alt="The nearest training images of the focus sample, a row per method",
        pictures=Pictures.of(view.store, tuple(f"{method}-seed{seed}" for method in methods), view.condition),
        query=state.focus(view),
        kinds=(kind or "adversarial",),
        methods=methods,
        seed=seed,
    )


def available(view: View, *methods: str) -> list[str]:
    """Those of some methods that the study has; if none, its first ones."""
    return [method for method in methods if method in view.methods] or view.methods[: len(methods)]


SCENES = [
    Scene(
        "An image",
        "A change too small to matter to us can make a network misclassify an image. The noise in the middle is "
        "magnified; every pixel changes by at most eps.",
        image,
        "attack",
        "Attack an image yourself",
    ),
    Scene(
        "Where it lands",
        "Inside the network the image moves much further than its pixels: its representation leaves its own class "
        "and lands among images of another. Each arrow is one image.",
        landing,
        "shift",
        "Explore the maps",
    ),
    Scene(
        "The idea",
        "Triplet loss adversarial training (TLA) pulls the representation of an adversarial image (the anchor) towards "
        "images of its own class and pushes it away from the nearest image of another class, up to a margin alpha.",
        triplet,
        "trajectory",
        "Follow one image, step by step",
    ),
    Scene(
        "After training",
        "The adversarial images of one class, coloured by the class that the model predicts. Where training works, "
        "they stay together, and fewer change colour.",
        after,
        "robustness",
        "See every attack, with intervals",
    ),
    Scene(
        "Detection",
        "An image that still fools the model can be refused if its representation gives it away. The curve shows how "
        "many are caught, against how many clean images are refused by mistake.",
        detection,
        "detection",
        "Choose score, eps and threshold",
    ),
    Scene(
        "Neighbours",
        "Ask each model for the training images most similar to the query. If the representation is robust, the "
        "neighbours of the attacked image are still of its class.",
        neighbours,
        "neighbours",
        "See other queries",
    ),
]


def go(by: int) -> None:
    """Go to the next scene (1) or the previous one (-1)."""
    names = [scene.name for scene in SCENES]
    here = names.index(st.session_state.get("scene") or names[0])
    st.session_state["scene"] = names[(here + by) % len(names)]


def main() -> None:
    """The page."""
    with shell.page() as view:
        names = [scene.name for scene in SCENES]
        chosen = st.segmented_control("Scene", names, default=names[0], key="scene", bind="query-params")
        scene = SCENES[names.index(chosen) if chosen in names else 0]
        st.markdown(scene.text)
        scene.show(view)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Back", on_click=go, args=(-1,), icon=":material/arrow_back:", key="scene_back", shortcut="Left")
            st.button("Next", on_click=go, args=(1,), type="primary", key="scene_next", shortcut="Right")
            st.page_link(f"pages_/{scene.page}.py", label=scene.link, icon=":material/arrow_outward:")


main()
