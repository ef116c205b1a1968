"""Which models of a study the dashboard may run: those whose loading executes nobody's code, or that it was given."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from board.studies import MissingDataError, View

VARIABLE = "TLA_GIVEN"
"""Set by `tla app --given NAME=MODEL`: JSON of the given models that may run, by name."""
CODELESS = ("torchvision", "timm", "onnx")
"""Sources whose networks are built by an installed package from a name or a graph: no code of the study's author."""
CHECKED = 64


class LabModel(NamedTuple):
    """A model that may run here; part of every cache key.

    Attributes:
        file: Its weights in the study folder; empty for a given model.
        stamp: When that file was last written, nanoseconds.
        given: How a given model is loaded, as JSON.
        shape: Size of one image, (channels, height, width).
        classes: Number of classes.
    """

    file: str
    stamp: int
    given: str
    shape: tuple[int, ...]
    classes: int


def lab_model(view: View, method: str, seed: int) -> LabModel:
    """The model of a study, ready to be loaded.

    Raises:
        MissingDataError: if the study lacks its weights, or its loading would run code that the study names.
    """
    shape, classes = tuple(view.manifest["data"]["shape"]), len(view.classes)
    if method in view.given:
        settings = brought().get(method) or view.given[method]
        if method not in brought() and not codeless(settings):
            raise MissingDataError(
                f"{method} is not run here: loading it would execute {settings.get('load')!r}, which this study names. "
                f"If you trust it, start the dashboard with: tla app --given {method}={settings.get('load')}"
            )
        return LabModel("", 0, json.dumps(settings, sort_keys=True), shape, classes)
    file = view.path / "models" / f"{method}-seed{seed}" / "model.safetensors"
    if not file.exists():
        raise MissingDataError(f"The study {view.name!r} does not have the weights of {method}, seed {seed}.")
    checked = view.store.check(str(file.relative_to(view.path)))
    return LabModel(str(checked), file.stat().st_mtime_ns, "", shape, classes)


def brought() -> dict[str, dict[str, Any]]:
    """The given models that this dashboard was started with, by name."""
    return json.loads(os.environ.get(VARIABLE) or "{}")


def codeless(settings: dict[str, Any]) -> bool:
    """True if a given model is loaded without executing code that its settings name."""
    from tla.models.external.sources.table import SOURCES
    from tla.weights import shipped_weights

    load = str(settings.get("load", ""))
    network = load.rpartition("@")[2]
    word, colon, _ = network.partition(":")
    if colon:
        return word in CODELESS and word in SOURCES
    own = load.endswith(".safetensors") or load in shipped_weights()
    return network.endswith(".onnx") or (own and "@" not in load)


def runnable(view: View, seed: int) -> tuple[list[str], list[str]]:
    """Methods whose models may run here, and a sentence for each that may not."""
    if view.embeddings:
        return [], ["This study was made from embeddings alone, and the lab needs a model that can be run."]
    methods, reasons = [], []
    for method in view.methods:
        try:
            lab_model(view, method, seed)
        except MissingDataError as missing:
            reasons.append(str(missing))
        else:
            methods.append(method)
    return methods, reasons


@st.cache_resource(show_spinner="Loading the model …", max_entries=24)
def load(model: LabModel) -> Any:
    """The network, in evaluation mode, frozen, with its kernels set up.

    Raises:
        ValueError: if a given model is not found or does not fit the study's images.
    """
    import torch

    if model.given:
        from tla.config import from_dict
        from tla.models import GivenModel
        from tla.study.find_model import find_model

        network = find_model(from_dict(GivenModel, json.loads(model.given)), shape=model.shape, classes=model.classes)
        ready = network.model.eval().requires_grad_(False)
    else:
        from tla.training import load_model

        ready = load_model(Path(model.file)).model.eval().requires_grad_(False)
    blank = torch.zeros(1, *model.shape, requires_grad=True)
    ready(blank).logits.sum().backward()  # the first pass sets up kernels, which later timings must not include
    return ready


@st.cache_data(show_spinner=False)
def differs(_view: View, method: str, seed: int, model: LabModel, stamp: int) -> str:
    """What is wrong if a given model answers otherwise than the study recorded; empty if all is as it was.

    Args:
        _view: The study.
        method: The model's name.
        seed: The study's first seed.
        model: The model.
        stamp: Of the study, for the cache.
    """
    import torch

    rows = _view.table("attacks")
    rows = rows[(rows["method"] == method) & (rows["attack"] == "clean")].head(CHECKED)
    places = [_view.positions[int(sample)] for sample in rows["id"]]
    images = _view.arrays("images")
    x, y = images["test"][places], images["test_y"][places]
    with torch.no_grad():
        found = load(model)(torch.from_numpy(x.astype(np.float32) / 255)).logits.argmax(1).numpy() != y
    wrong = int((found != np.asarray(rows["success"], bool)).sum())
    if wrong <= 1:  # a tie may fall the other way on another machine
        return ""
    return (
        f"This is not the model that the study measured: it answers otherwise on {wrong} of {len(rows)} clean images."
    )
