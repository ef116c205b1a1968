"""Attack an image now: from the set, one's own, or one that is drawn."""

from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from board import forms, live, shell, state
from board.film import film, fitted, pad
from board.live import Order, Walked
from board.pages import PageInfo
from board.pictures import unit
from board.snippets import call, literal
from board.studies import View
from board.tiles import Tile, tiles

PAGE = PageInfo(
    title="Attack lab",
    icon="bolt",
    section="Do",
    order=20,
    lead="Attack an image within a small budget and watch each model change its prediction.",
)

FROM_SET, UPLOAD, DRAW = "from the set", "upload", "draw"
ANY = "any wrong class"


class LabImage(NamedTuple):
    """What is attacked: an image (c, h, w) in [0, 1], its true class, and what to call it."""

    image: np.ndarray
    truth: int
    name: str


def main() -> None:
    """The page."""
    with shell.page() as view:
        seed = state.seed(view)
        methods = live.living(view, seed)
        if not methods:
            st.info("This study holds no model weights, so nothing can be attacked here.", icon=":material/info:")
            return
        controls, results = st.columns([3, 8], gap="medium")
        with controls:
            subject = choose_image(view, methods, seed)
        with results:
            chosen = choose_models(methods)
        with controls:
            order = choose_attack(view)
        if subject is None:
            results.info("Draw or upload an image to attack it.", icon=":material/draw:")
            return
        with controls:
            search = st.toggle("Find the smallest eps that flips", key="smallest", bind="query-params")
        with results:
            for method in chosen:
                show(view, method, seed, subject, order, search)
        shell.show_code(*code(view, chosen[0], seed, order))


def choose_image(view: View, methods: list[str], seed: int) -> LabImage | None:
    """The focus sample, an uploaded file, or a drawing."""
    where = st.segmented_control("Image", [FROM_SET, UPLOAD, DRAW], default=FROM_SET, key="from", bind="query-params")
    if where == FROM_SET:
        sample = state.focus(view)
        image = view.arrays("images")["test"][view.positions[sample]]
        others(view, sample)
        return LabImage(unit(image), view.truth(sample), f"image {sample}")
    shape = tuple(view.manifest["data"]["shape"])
    image = pad(key="pad", shape=shape) if where == DRAW else uploaded(shape)
    if image is None:
        return None
    said = int(live.probabilities(view, methods[-1], seed, image).argmax())
    truth = st.selectbox(
        "It shows", range(len(view.classes)), index=said, format_func=view.classes.__getitem__, key=f"truth_{where}"
    )
    return LabImage(image, int(truth or 0), "your image")


def others(view: View, sample: int) -> None:
    """Some images to choose from: press one to attack it."""
    here = view.ids.index(sample)
    around = [view.ids[(here + offset) % len(view.ids)] for offset in range(-3, 9)]
    images = view.arrays("images")["test"]
    items = [Tile(id=i, images=[images[view.positions[i]]], note=f"{i}: {view.classes[view.truth(i)]}") for i in around]
    tiles(items, key="others", label="images of the set", size=34, focus=sample, on_press=state.set_focus)


def uploaded(shape: tuple[int, int, int]) -> np.ndarray | None:
    """One's own picture, brought to the size of the data set."""
    file = st.file_uploader("A picture (PNG, JPEG)", type=["png", "jpg", "jpeg", "webp", "bmp"], key="file")
    if file is None:
        return None
    try:
        return fitted(file.getvalue(), shape)
    except ValueError as error:
        st.error(str(error))
        return None


def choose_models(methods: list[str]) -> list[str]:
    """Which models are attacked."""
    first = [method for method in methods if method in ("natural", "at", "tla")] or methods[:2]
    chosen = st.pills(
        "Models", methods, selection_mode="multi", default=first, format_func=str, key="models", bind="query-params"
    )
    return [method for method in methods if method in chosen] or first


def choose_attack(view: View) -> Order:
    """The attack, its radius and its parameters; the form comes from the attack's own dataclass."""
    name = st.selectbox("Attack", live.attack_names(), key="attack", bind="query-params")
    top = 2 * view.eps or 1.0
    eps = st.slider(
        f"eps ({view.norm.capitalize()})", 0.0, top, view.eps, top / 80, format="%.4f", key="eps", bind="query-params"
    )
    target = st.selectbox("Goal", [ANY, *view.classes], key="target", bind="query-params")
    parameters = forms.parameters(live.attack_class(name))
    main, more = parameters[:2], parameters[2:]
    usual: dict[str, Any] = {"pursuit": "all_steps"}
    values: dict[str, Any] = {}
    for column, parameter in zip(st.columns(2), main, strict=False):
        with column:
            values[parameter.name] = forms.ask(parameter, usual=usual.get(parameter.name))
    with st.expander("More settings"):
        for parameter in more:
            values[parameter.name] = forms.ask(parameter, usual=usual.get(parameter.name))
        seed = int(st.number_input("Random seed", 0, 9999, 0, key="attack_seed", bind="query-params"))
    goal = None if target == ANY else view.classes.index(target)
    return Order(name, tuple(values.items()), view.norm, float(eps), seed, goal)


def show(view: View, method: str, seed: int, subject: LabImage, order: Order, search: bool) -> None:
    """Attack one model and show what happened."""
    with st.container(border=True):
        try:
            walked = live.walk(view, method, seed, subject.image, subject.truth, order)
        except ValueError as error:
            st.error(f"{shell.label(method)}: {error}", icon=":material/error:")
            return
        st.markdown(f"**{shell.label(method)}** · {headline(view, walked, subject, order)}")
        if search:
            found = live.smallest_eps(view, method, seed, subject.image, subject.truth, order)
            st.markdown(
                f"Smallest eps that this attack needs: **{found:.4f}**" if found else "Not flipped up to this eps."
            )
        film(walked, subject.image, subject.truth, view.classes, order.eps, key=f"film_{method}", size=116)
        landed(view, method, seed, subject, walked)
        shell.source(
            f"live now: {walked.queries} forward passes in {walked.seconds * 1000:.0f} ms, n = 1, seed {order.seed}; "
            f"{order.norm.capitalize()} distance {walked.distance:.4f} of {order.eps:g} allowed; neighbours by cosine "
            "distance in the embedding"
        )


def headline(view: View, walked: Walked, subject: LabImage, order: Order) -> str:
    """What happened, in words."""
    before, after = view.classes[int(walked.before.argmax())], view.classes[int(walked.after.argmax())]
    if int(walked.before.argmax()) != subject.truth:
        return f"wrong before any attack: takes {subject.name} for {before}"
    if walked.success:
        return f"fooled: {before} → {after}, {walked.after.max():.0%} sure"
    aim = "any other class" if order.target is None else view.classes[order.target]
    return f"holds: {before} stays {after} ({walked.after.max():.0%} sure), {aim} was not reached"


def landed(view: View, method: str, seed: int, subject: LabImage, walked: Walked, k: int = 5) -> None:
    """The training images nearest to the clean and to the adversarial image, found now."""
    images, labels = view.arrays("images")["gallery"], view.arrays("images")["gallery_y"]
    asked = (("clean", subject.image), ("adversarial", walked.adversarial))
    for column, (kind, image) in zip(st.columns(2, gap="medium"), asked, strict=True):
        rows, distances = live.nearest(view, method, seed, image, k)
        items = [
            Tile(
                id=int(row),
                images=[images[row]],
                title=view.classes[int(labels[row])],
                tone="good" if labels[row] == subject.truth else "bad",
                note=f"{distance:.3f}",
            )
            for row, distance in zip(rows, distances, strict=True)
        ]
        with column:
            st.caption(f"Nearest training images, {kind}")
            tiles(items, key=f"near_{method}_{kind}", label=f"nearest training images, {kind}", size=34)


def code(view: View, method: str, seed: int, order: Order) -> list[str]:
    """Python that attacks the focus sample in the same way."""
    sample = state.focus(view)
    settings = {key: value for key, value in order.parameters if value is not None}
    goal = (
        f"Untargeted(torch.tensor([{view.truth(sample)}]))"
        if order.target is None
        else f"Targeted(torch.tensor([{order.target}]))"
    )
    return [
        "import torch",
        "from tla.attacks import ATTACKS, Recorder, Targeted, Untargeted",
        "from tla.seeding import generator",
        "from tla.study import locate",
        "from tla.threat import Threat",
        "from tla.training import load_model",
        "",
        f"store = locate({literal(str(view.path))})",
        f'model = load_model(store.path / "models/{method}-seed{seed}/model.safetensors").model',
        f'x = torch.from_numpy(store.arrays("images")["test"][[{view.positions[sample]}]]).float() / 255',
        *call("attack = ATTACKS.build", literal(order.attack), **settings),
        "path = Recorder(images=True)",
        *call(
            "result = attack",
            "model",
            "x",
            goal,
            f"Threat({literal(order.norm)}, {literal(order.eps)})",
            f'generator=generator({order.seed}, "dashboard")',
            "on_step=path",
        ),
    ]


main()
