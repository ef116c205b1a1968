"""The form that starts a study of a model that exists already."""

import re
from pathlib import Path
from typing import Any

import streamlit as st

from board.lab_models import brought, codeless
from board.running import runs, visitor
from board.studies import root
from board.unfinished import say_last
from tla.config import plain_value

ANOTHER = "another, by name"
SETTINGS = ("weights", "head", "mean", "std", "channels", "resize", "order")
HELP = {
    "weights": "A file (.safetensors, .pt, .pth), or DEFAULT for torchvision's and timm's own.",
    "head": "Layer whose input is the embedding, if it is not the one that gives the logits.",
    "mean": "Subtracted from pixels in 0..1: numbers, or imagenet or cifar10.",
    "std": "Pixels are divided by it afterwards.",
    "channels": "1 or 3, what the network takes.",
    "resize": "Side of the images that the network takes.",
    "order": "For each of your classes the position of its logit.",
}


def own_study() -> None:
    """Name a model and images, and start; what would execute code has to be brought by `tla app --given`."""
    st.subheader("Study a model that exists", anchor=False)
    st.caption(
        "It is attacked, mapped, searched and audited like one that was trained here; nothing is trained. "
        "Networks of torchvision, timm and ONNX and tla's own can be named; your own code has to be brought when the "
        "dashboard is started: `tla app --given mine=mypkg.models:Net`."
    )
    known = list(brought())
    left, middle, right = st.columns([3, 4, 1], gap="medium")
    chosen = left.selectbox("Model", [*known, ANOTHER], key="own_model") if known else ANOTHER
    if chosen == ANOTHER:
        place = left if not known else left.container()
        load = place.text_input("Network", "", key="own_load", placeholder="torchvision:resnet18 or /path/net.onnx")
        name = place.text_input("Its name in tables and figures", "mine", key="own_name", max_chars=60)
        settings: dict[str, Any] = {"load": load.strip()}
    else:
        name, settings = str(chosen), brought()[str(chosen)]
    data = middle.text_input("Images", "", key="own_data", placeholder="folder:/path, csv:/file, npz:/file or digits")
    eps = right.text_input("eps", "8/255", key="own_eps", help="Radius of the threat in pixel units, L-infinity.")
    more = _more(middle) if chosen == ANOTHER else {}
    reason = refusal(name, settings, data, eps)
    words = command_words(name, settings | more, eps)
    folder = root() / folder_name(name, data)
    started = runs()
    busy = started.refusal(folder, visitor())
    st.button(
        "Start",
        icon=":material/play_arrow:",
        on_click=started.start,
        args=(data.strip(), folder, visitor(), words),
        disabled=bool(reason or busy),
        key="start_own",
    )
    if reason and (settings["load"] or data):
        st.caption(f":material/info: {reason}")
    elif busy:
        st.caption(f":material/info: {busy}")
    say_last(folder)
    st.code(" ".join(["tla study", data or "folder:PATH", *words, "--out", str(folder)]), language="bash")


def _more(place: Any) -> dict[str, str]:
    with place.expander("How the network is called"):
        texts = {key: st.text_input(key, "", key=f"own_{key}", help=HELP[key]) for key in SETTINGS}
    return {key: text.strip() for key, text in texts.items() if text.strip()}


def refusal(name: str, settings: dict[str, Any], data: str, eps: str) -> str:
    """Why this cannot be started, in one sentence; empty if it can."""
    from tla.config import source_values

    load = str(settings.get("load", ""))
    if not load or not data.strip():
        return "Name a network and images."
    if name not in brought() and not codeless(settings):
        return (
            f"Loading {load!r} may execute code, or it is no network that can be named here: start the dashboard with "
            f"tla app --given {name or 'mine'}={load}"
        )
    if not re.fullmatch(r"\w[\w .+-]{0,59}", name):
        return "The name must be letters, digits, spaces or any of _.+- , and start with a letter or digit."
    if source_values(data.strip())["name"] == "python":
        return "Images that code returns are for the command line: tla study mypkg.data:make --given ..."
    return eps_refusal(eps)


def eps_refusal(eps: str) -> str:
    """Why a typed radius is none, in a sentence; empty if it is one."""
    value = plain_value(eps.strip())
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        return f"eps must be a number in 0..1 such as 8/255, got {eps!r}."
    return ""


def command_words(name: str, settings: dict[str, Any], eps: str) -> list[str]:
    """The words of `tla study` after the images."""
    words = ["--given", f"{name}={settings.get('load', '')}", "--eps", eps.strip()]
    for key in SETTINGS:
        if key in settings:
            value = settings[key]
            parts = [str(part) for part in value] if isinstance(value, list | tuple) else re.split(r"[ ,]+", str(value))
            words += [f"--{key}", *parts]
    return words


def folder_name(name: str, data: str) -> str:
    """Folder of the study: the name of the images and of the model."""
    images = Path(data.strip().rpartition(":")[2]).stem or "images"
    return re.sub(r"[^\w.+-]+", "-", f"{images}-{name}").strip("-.")
