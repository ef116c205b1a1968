"""Attack an image now: one of the data set, your own, or one that you draw."""

import hashlib
import time
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from board import forms, lab_models, live, shell, state
from board.charts import stacked
from board.choices import methods_pills
from board.film import dark_on_light, film, fit_image, pad
from board.live import AttackSettings, LiveAttack
from board.pages import PageInfo
from board.snippets import call, literal
from board.studies import View
from board.tiles import Tile, tiles

from tla.config import plain_value
from tla.messages import radius_text
from tla.widgets.filming import unit

PAGE = PageInfo(
    title="Attack lab",
    icon="bolt",
    section="Do",
    order=20,
    lead="Attack an image within a small budget and watch each model change its prediction.",
)

FROM_SET, UPLOAD, CAMERA, DRAW = "from the set", "upload", "camera", "draw"
ANY = "any wrong class"


class LabImage(NamedTuple):
    """What is attacked: pixels (c, h, w) in [0, 1], the true class, what to call it, and whether the study has it."""

    pixels: np.ndarray
    true_class: int
    name: str
    stored: bool = False


def main() -> None:
    """The page."""
    with shell.page() as view:
        view.need("An attack", pictures=True)
        seed = state.seed(view)
        methods, reasons = lab_models.runnable(view, seed)
        if not methods:
            why = " ".join(reasons) or "This study has no models."
            st.info(f"Nothing can be attacked. {why}", icon=":material/info:")
            return
        for reason in reasons:
            st.caption(f":material/info: {reason}")
        controls, results = (st.container(), st.container()) if stacked() else st.columns([3, 8], gap="medium")
        with results:
            chosen = choose_models(methods)
        with controls:
            image = choose_image(view, chosen[0], seed)
            settings = choose_attack(view)
        if image is None:
            results.info("Draw, photograph or upload an image to attack it.", icon=":material/draw:")
            return
        if settings.target == image.true_class:
            results.info(
                f"The goal is the image's own class, {view.classes[image.true_class]}: choose another one.",
                icon=":material/info:",
            )
            return
        with controls:
            search = st.toggle("Find the smallest eps that fools", key="smallest", bind="query-params")
        with results:
            for method in chosen:
                show(view, method, seed, image, settings, search)
        shell.show_code(*code(view, chosen[0], seed, settings))


def choose_image(view: View, method: str, seed: int) -> LabImage | None:
    """The focus sample, an uploaded file, a photo or a drawing; its class is first guessed by a network shown."""
    sources = [FROM_SET, UPLOAD, CAMERA, DRAW]
    where = st.pills("Image", sources, default=FROM_SET, key="from", bind="query-params")
    if where not in (UPLOAD, CAMERA, DRAW):
        sample = state.focus(view)
        image = view.arrays("images")["test"][view.positions[sample]]
        others(view, sample)
        return LabImage(unit(image), view.true_class(sample), f"image {sample}", stored=True)
    shape = tuple(view.manifest["data"]["shape"])
    image = pad(key="pad", shape=shape) if where == DRAW else uploaded(view, shape, where)
    if image is None:
        return None
    predicted = int(live.probabilities(view, method, seed, image).argmax())
    true_class = st.selectbox(
        "It shows",
        range(len(view.classes)),
        index=predicted,
        format_func=view.classes.__getitem__,
        key=f"truth_{hashlib.sha256(image.tobytes()).hexdigest()}",
        help=f"The class that you see in it; {shell.label(method)} guesses {view.classes[predicted]}.",
    )
    return LabImage(image, int(true_class or 0), "your image")


def others(view: View, sample: int) -> None:
    """Images next to the focus sample; pressing one attacks it."""
    here = view.ids.index(sample)
    around = [view.ids[(here + offset) % len(view.ids)] for offset in range(-3, 9)]
    images = view.arrays("images")["test"]
    items = [
        Tile(id=i, images=[images[view.positions[i]]], note=f"{i}: {view.classes[view.true_class(i)]}") for i in around
    ]
    tiles(items, key="others", label="images of the data set", size=34, focus=sample, on_press=state.set_focus)


def uploaded(view: View, shape: tuple[int, int, int], where: str) -> np.ndarray | None:
    """Your own image, resized to the images of the data set; dark ink on white is offered as light on dark."""
    if where == CAMERA:
        file = st.camera_input("Take a picture", key="camera")
    else:
        file = st.file_uploader("An image (PNG, JPEG)", type=["png", "jpg", "jpeg", "webp", "bmp"], key="file")
    if file is None:
        return None
    try:
        image = fit_image(file.getvalue(), shape)
    except ValueError as error:
        st.error(str(error))
        return None
    if dark_on_light(image) and not dark_on_light(unit(view.arrays("images")["test"])):
        help_text = "The data set shows light strokes on black, and this image dark ones on a light ground."
        if st.toggle("Turn dark into light", value=True, key="inverted", help=help_text):
            image = 1 - image
    return image


def choose_models(methods: list[str]) -> list[str]:
    """The models to attack."""
    first = [method for method in methods if method in ("natural", "at", "tla")] or methods[:2]
    return methods_pills("Models", methods, first, "models") or first


def choose_attack(view: View) -> AttackSettings:
    """The attack, its eps and its parameters; the form is derived from the attack's dataclass."""
    name = st.selectbox("Attack", live.attack_names(), key="attack", bind="query-params")
    eps = choose_eps(view)
    target = st.selectbox("Goal", [ANY, *view.classes], key="target", bind="query-params")
    parameters = forms.parameters(live.attack_class(name))
    main, more = parameters[:2], parameters[2:]
    initial: dict[str, Any] = {"pursuit": "all_steps"}
    values: dict[str, Any] = {}
    for column, parameter in zip(st.columns(2), main, strict=False):
        with column:
            values[parameter.name] = forms.control(parameter, initial=initial.get(parameter.name))
    with st.expander("More settings"):
        for parameter in more:
            values[parameter.name] = forms.control(parameter, initial=initial.get(parameter.name))
        seed = int(st.number_input("Random seed", 0, 9999, 0, key="attack_seed", bind="query-params"))
    goal = None if target == ANY else view.classes.index(target)
    return AttackSettings(name, tuple(values.items()), view.norm, float(eps), seed, goal)


def choose_eps(view: View) -> float:
    """The radius, from a slider or typed: 8/255."""
    top = 2 * view.eps or 1.0

    def typed() -> None:
        radius = read_radius(st.session_state["eps_typed"], top)
        if radius is not None:
            st.session_state["eps"] = radius

    left, right = st.columns([3, 2])
    label = f"eps ({view.norm.capitalize()})"
    eps = left.slider(label, 0.0, top, view.eps, top / 80, format="%.4f", key="eps", bind="query-params")
    text = right.text_input("or typed", placeholder="8/255", key="eps_typed", on_change=typed)
    if text and read_radius(text, top) is None:
        st.error(f"eps is a number from 0 to {top:g}, such as 0.1 or 8/255, got {text!r}.")
    return float(eps)


def read_radius(text: str, top: float) -> float | None:
    """The number that was typed; None if it is none from 0 to `top`."""
    value = plain_value(text.strip())
    return float(value) if isinstance(value, int | float) and 0 <= value <= top else None


def show(view: View, method: str, seed: int, image: LabImage, settings: AttackSettings, search: bool) -> None:
    """Attack one model and show what happened."""
    with st.container(border=True):
        asked = time.time()
        try:
            attack = live.run_attack(view, method, seed, image.pixels, image.true_class, settings)
        except ValueError as error:
            st.error(f"{shell.label(method)}: {error}", icon=":material/error:")
            return
        other = ""
        if method in view.given or lab_models.lab_model(view, method, seed).given:
            other = lab_models.differs(view, method, seed, lab_models.lab_model(view, method, seed), view.stamp)
            if other:
                st.warning(other, icon=":material/warning:")
        st.markdown(f"**{shell.label(method)}** · {headline(view, attack, image, settings)}")
        if search:
            found = live.smallest_eps(view, method, seed, image.pixels, image.true_class, settings)
            st.markdown(
                f"Smallest eps that fools, with this attack: **{found:.4f}**" if found else "Not fooled up to this eps."
            )
        film(attack, image.pixels, image.true_class, view.classes, settings.eps, key=f"film_{method}", size=116)
        if not other:  # the gallery was embedded by the model that the study measured
            nearest_images(view, method, seed, image, attack)
        passes = "1 forward pass" if attack.queries == 1 else f"{attack.queries} forward passes"
        distance, allowed = radius_text(attack.distance, settings.eps), radius_text(settings.eps)
        shell.source(
            f"live on this machine: {passes} in {attack.seconds * 1000:.0f} ms"
            f"{'' if attack.ended >= asked else ' when it was first asked for'}, n = 1, "
            f"seed {settings.seed}; {settings.norm.capitalize()} distance {distance} of {allowed} allowed; "
            f"neighbours by cosine distance in the embedding{elsewhere(view, image)}"
        )


def elsewhere(view: View, image: LabImage) -> str:
    """Why this adversarial image can have other neighbours than the one that the other pages show."""
    if not image.stored:
        return ""
    return (
        f". The other pages show the adversarial image that the study stored ({view.under}, with the study's settings "
        "and random numbers): it and its neighbours can differ from these"
    )


def headline(view: View, attack: LiveAttack, image: LabImage, settings: AttackSettings) -> str:
    """The outcome in words."""
    before, after = view.classes[int(attack.before.argmax())], view.classes[int(attack.after.argmax())]
    if int(attack.before.argmax()) != image.true_class:
        return f"already wrong on the clean image: predicts {before} for {image.name}"
    if attack.success:
        return f"fooled: {before} → {after} ({attack.after.max():.0%})"
    if settings.target is None:
        return f"not fooled: still predicts {after} ({attack.after.max():.0%})"
    return f"{view.classes[settings.target]} not reached: predicts {after} ({attack.after.max():.0%})"


def nearest_images(view: View, method: str, seed: int, image: LabImage, attack: LiveAttack, k: int = 5) -> None:
    """The training images nearest to the clean and to the adversarial image."""
    images, labels = view.arrays("images")["gallery"], view.arrays("images")["gallery_y"]
    queries = (("clean", image.pixels), ("adversarial", attack.adversarial))
    itself = live.gallery_row(view, image.pixels)
    for column, (kind, query) in zip(st.columns(2, gap="medium"), queries, strict=True):
        rows, distances = live.nearest(view, method, seed, query, k, itself)
        items = [
            Tile(
                id=int(row),
                images=[images[row]],
                title=view.classes[int(labels[row])],
                tone="good" if labels[row] == image.true_class else "bad",
                note=f"{distance:.3f}",
            )
            for row, distance in zip(rows, distances, strict=True)
        ]
        with column:
            st.caption(view.said(f"Nearest training images, {kind}"))
            tiles(items, key=f"near_{method}_{kind}", label=view.said(f"nearest training images, {kind}"), size=34)


def code(view: View, method: str, seed: int, settings: AttackSettings) -> list[str]:
    """Python that attacks the focus sample in the same way."""
    sample = state.focus(view)
    options = {key: value for key, value in settings.parameters if value is not None}
    goal = (
        f"Untargeted(torch.tensor([{view.true_class(sample)}]))"
        if settings.target is None
        else f"Targeted(torch.tensor([{settings.target}]))"
    )
    if method in view.given:
        shape = f"shape={tuple(view.manifest['data']['shape'])}, classes={len(view.classes)}"
        settings_of = {**view.given[method], **lab_models.brought().get(method, {})}
        import_model = "from tla.models import GivenModel"
        found = [*call("given = GivenModel", **settings_of), f"model = find_model(given, {shape}).model"]
    elif lab_models.lab_model(view, method, seed).given:
        import_model = "from tla.study.find_model import find_model"
        name = f"{view.known_as}:{method}-seed{seed}@{lab_models.architecture(view)}"
        found = [f"model = find_model({literal(name)}).model"]
    else:
        import_model = "from tla.training import load_model"
        found = [f'model = load_model(store.path / "models/{method}-seed{seed}/model.safetensors").model']
    return [
        "import torch",
        "from tla.attacks import ATTACKS, Recorder, Targeted, Untargeted",
        *([import_model] if method in view.given else []),
        "from tla.seeding import generator",
        "from tla.study import locate",
        "from tla.threat import Threat",
        *(["from tla.study.find_model import find_model"] if method in view.given else [import_model]),
        "",
        f"store = locate({literal(view.known_as)})",
        *found,
        f'x = torch.from_numpy(store.arrays("images")["test"][[{view.positions[sample]}]]).float() / 255',
        *call("attack = ATTACKS.build", literal(settings.attack), **options),
        "path = Recorder(images=True)",
        *call(
            "result = attack",
            "model",
            "x",
            goal,
            f"Threat({literal(settings.norm)}, {literal(settings.eps)})",
            f'generator=generator({settings.seed}, "dashboard")',
            "on_step=path",
        ),
    ]


shell.body(main)
