"""Six scenes, from an image that changes class to a robust representation."""

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st
from board import shell, state
from board.charts import chart
from board.choices import method_choice, methods_choice
from board.keys import on_keys
from board.pages import PageInfo
from board.radii import radii
from board.selection.radii import first_id, shown_ids
from board.selection.shared import adversarial_images, of_run, predictions
from board.selection.tour import accuracies, kept_neighbours, landings
from board.studies import View
from board.tiles import Tile, tiles
from board.words import count

from tla.plots import Pictures
from tla.plots.drawing.theme import attack_label

PAGE = PageInfo(
    title="Representation under attack",
    menu="Tour",
    icon="explore",
    order=0,
    lead="What an attack does inside a network, in six scenes.",
)


BIND = "query-params"


class Scene(NamedTuple):
    """One scene: its name, its text, what it shows, the page with more about it, and what is counted in this study."""

    name: str
    text: str
    show: Callable[[View], None]
    page: str
    link: str
    facts: Callable[[View], str] = lambda view: ""


def image(view: View) -> None:
    """An image at growing eps, for two models; from a study without such images, before and after the attack."""
    view.need("An image before and after", pictures=True)
    if view.has("radii"):
        growing(view)
    else:
        before_and_after(view)
    doors(view)


def growing(view: View) -> None:
    """An image at growing eps: its picture, its place on the map and its neighbours for two models."""
    seed, focus = state.seed(view), state.focus(view)
    methods = methods_choice(view, "tour_models", most=2)[:2]
    ids = shown_ids(view)
    sample = focus if focus in ids else first_id(view, methods, seed)
    radii(view, methods, seed, sample, key="tour_radii")
    items = [Tile(id=one, images=view.clean_picture(one)) for one in ids]
    tiles(items, key="tour_images", label="images to choose", size=28, focus=sample, on_press=state.set_focus)


def doors(view: View) -> None:
    """Where to go from the first picture."""
    one, two, three = st.columns(3, gap="medium")
    with one.container(border=True):
        st.page_link(
            "pages_/attack.py",
            label="Draw your own",
            icon=":material/draw:",
            query_params={"from": "draw"},
        )
        st.caption("A digit by mouse, a file or the camera, attacked while you watch.")
    with two.container(border=True):
        st.page_link(
            "pages_/shift.py", label=f"Explore {count(len(view.ids), 'image')}", icon=":material/scatter_plot:"
        )
        st.caption("All of them on the map: draw round some, and see where the attack takes them.")
    with three.container(border=True):
        st.page_link("pages_/data.py", label="Bring your model", icon=":material/upload:")
        st.caption("Your network and your images, with every picture of this dashboard.")


def before_and_after(view: View) -> None:
    """An image, the noise, and what a model predicts for their sum."""
    seed, sample = state.seed(view), state.focus(view)
    first = available(view, "natural")[0]
    method = method_choice("Model", view.methods, "tour_model", first)
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
    alpha = st.slider("Margin alpha", 0.0, 0.3, 0.05, 0.01, key="tour_alpha", bind=BIND)
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
    most = "By default, the class that is misclassified most often."
    chosen = st.pills("Class", names, key="tour_class", bind=BIND, help=most)
    chart(
        "one_class",
        view.table("map"),
        view=view,
        key="tour_class_map",
        alt="Adversarial images of one class in each method's map, coloured by the predicted class",
        shift=view.table("shift"),
        klass=names.index(chosen) if chosen in names else None,
        methods=trained(view),
        seed=state.seed(view),
    )


def detection(view: View) -> None:
    """Detection of misclassified adversarial images."""
    refused = st.slider(
        "Share of clean images refused", 0.0, 30.0, 5.0, 0.5, format="%.1f %%", key="tour_refused", bind=BIND
    )
    chart(
        "roc",
        of_run(view.table("detection"), state.seed(view)),
        view=view,
        key="tour_roc",
        alt="ROC curve of misclassification detection for each method",
        methods=trained(view),
        false_alarms=refused / 100,
    )


def neighbours(view: View) -> None:
    """The nearest training images of one query."""
    seed = state.seed(view)
    methods = available(view, "natural", "at", "tla")
    kind = st.segmented_control("Query", ["clean", "adversarial"], default="adversarial", key="tour_kind", bind=BIND)
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


def trained(view: View) -> list[str]:
    """The methods that the tour compares."""
    return available(view, "natural", "at", "alp", "tla")


SCENES = [
    Scene(
        "An image",
        "A change that does not matter to us can make a network misclassify an image. The larger eps, the more each "
        "pixel may change.",
        image,
        "attack",
        "Attack an image yourself",
    ),
    Scene(
        "Where it lands",
        "Inside the network the image moves too: where the attack succeeds, its representation leaves its own class "
        "and lands among images of another. Each arrow is one image.",
        landing,
        "shift",
        "Explore the maps",
        lambda view: landings(view, available(view, "natural", "at"), state.seed(view)),
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
        "The adversarial images of one class, coloured by the class that the model predicts. Where a representation "
        "holds, they stay together in one colour.",
        after,
        "robustness",
        "See every attack, with intervals",
        lambda view: accuracies(view, trained(view), state.seed(view)),
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
        "Ask each model for the training images most like the query. Where a representation holds, the neighbours "
        "of the attacked image are still of its class.",
        neighbours,
        "neighbours",
        "See other queries",
        lambda view: kept_neighbours(
            view, available(view, "natural", "at", "tla"), state.seed(view), state.focus(view)
        ),
    ),
]


def go(by: int) -> None:
    """Go some scenes forth, or back."""
    names = [scene.name for scene in SCENES]
    here = names.index(state.moved_from("scene") or names[0])
    state.put("scene", names[(here + by) % len(names)])


def main() -> None:
    """The page."""
    with shell.page() as view:
        names = [scene.name for scene in SCENES]
        chosen = st.segmented_control("Scene", names, default=names[0], key="scene", bind="query-params")
        state.drawn("scene")
        scene = SCENES[names.index(chosen) if chosen in names else 0]
        st.markdown(scene.text)
        facts = scene.facts(view)
        if facts:
            st.markdown(f":blue-background[In this study] {facts}")
        scene.show(view)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Back (←)", on_click=go, args=(-1,), key="scene_back")
            st.button("Next (→)", on_click=go, args=(1,), type="primary", key="scene_next")
            st.page_link(f"pages_/{scene.page}.py", label=scene.link, icon=":material/arrow_outward:")
        on_keys(
            {"arrowleft": lambda times: go(-times), "arrowright": go},
            key="scene_keys",
            buttons={"arrowleft": "scene_back", "arrowright": "scene_next"},
        )


shell.body(main)
