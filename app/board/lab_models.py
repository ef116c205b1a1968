"""Which models of a study the dashboard may run: those whose loading executes nobody's code, or that it was given."""

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from board.studies import MissingDataError, View
from tla.machine import threads

VARIABLE = "TLA_GIVEN"
"""Set by `tla app --given NAME=MODEL`: JSON of the given models that may run, by name."""
CHECKED = 64


class LabModel(NamedTuple):
    """A model that may run here; part of every cache key.

    Attributes:
        file: Its weights in the study folder; empty for a given model.
        stamp: When that file was last written, nanoseconds.
        given: How a given model, or the network of weights trained from one, is loaded, as JSON.
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
        return LabModel("", 0, _allowed(method, method, view.given[method]), shape, classes)
    from tla.training.checkpoint import is_started

    file = view.path / "models" / f"{method}-seed{seed}" / "model.safetensors"
    if not file.exists():
        raise MissingDataError(f"The study {view.name!r} does not have the weights of {method}, seed {seed}.")
    checked = view.store.check(str(file.relative_to(view.path)))
    network = _allowed(method, view.start.get("name", ""), view.start) if is_started(checked) else ""
    return LabModel(str(checked), file.stat().st_mtime_ns, network, shape, classes)


def _allowed(method: str, name: str, settings: dict[str, Any]) -> str:
    """How a given model is loaded, as JSON.

    Args:
        method: Whose model is to run.
        name: The given model behind it: itself, or the start that it was trained from.
        settings: How the study says that it is loaded.

    Raises:
        MissingDataError: if loading it would run code that the study names, or its file is not here.
    """
    if name in brought():
        same = settings if name == method else {}
        return json.dumps(same | brought()[name], sort_keys=True)
    if not codeless(settings):
        load = settings.get("load")
        raise MissingDataError(
            f"{method} is not run here: loading it would execute {load!r}, which this study names. "
            f"If you trust it, start the dashboard with: tla app --given {name}={load}"
        )
    file = missing_file(str(settings["load"]))
    if file is not None:
        raise MissingDataError(
            f"{method} is not run here: the study was made from {file}, and there is no such file in {Path.cwd()}. "
            f"Start the dashboard with: tla app --given {name}=PATH/{Path(file).name}"
        )
    return json.dumps({"load": settings["load"]} if name != method else settings, sort_keys=True)


def missing_file(load: str) -> str | None:
    """The file of a network that cannot be found from this folder; None if there is none to find."""
    from tla.models.external.weight_files import is_weight_file
    from tla.weights import shipped_weights

    if load in shipped_weights():
        return None
    for part in load.split("@"):
        named = part.endswith(".onnx") or is_weight_file(part)
        if named and not Path(part).expanduser().is_file():
            return part
    return None


def brought() -> dict[str, dict[str, Any]]:
    """The given models that this dashboard was started with, by name."""
    return json.loads(os.environ.get(VARIABLE) or "{}")


def architecture(view: View) -> str:
    """The network, without its weights, that the methods of a study trained further."""
    from tla.models.external.sources.table import architecture_of

    return architecture_of(str(brought().get(view.start.get("name", ""), view.start)["load"]))


def strange(view: View) -> list[str]:
    """What running the study would execute although nobody brought it: code of given models, a start, or images."""
    named = {**view.given, **view.plan.get("start", {})}
    loads = [str(of.get("load")) for name, of in named.items() if name not in brought() and not codeless(of)]
    source = view.plan.get("source", {})
    return loads + ([str(source.get("function"))] if source.get("name") == "python" else [])


def codeless(settings: dict[str, Any]) -> bool:
    """True if a given model is loaded without executing code that its settings name."""
    from tla.models.external.sources.table import runs_no_code
    from tla.weights import shipped_weights

    load = str(settings.get("load", ""))
    own = load.endswith(".safetensors") or load in shipped_weights()
    return runs_no_code(load) or (own and "@" not in load)


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
    if model.file:
        ready = _trained(Path(model.file), model.given).eval().requires_grad_(False)
    else:
        from tla.config import from_dict
        from tla.models import GivenModel
        from tla.study.find_model import find_model

        network = find_model(from_dict(GivenModel, json.loads(model.given)), shape=model.shape, classes=model.classes)
        ready = network.model.eval().requires_grad_(False)
    _pass(ready, model.shape)  # the first pass sets up kernels, which later timings must not include
    return ready


def _pass(network: Any, shape: tuple[int, ...]) -> float:
    """Seconds of one forward and backward pass of a blank image."""
    import torch

    blank = torch.zeros(1, *shape, requires_grad=True)
    start = time.perf_counter()
    with torch.enable_grad():  # whoever asks first may have switched gradients off
        network(blank).logits.sum().backward()
    return time.perf_counter() - start


SMALL = 0.02
"""Seconds of one forward and backward pass of one image with one thread; shorter ones lose by sharing cores."""


@st.cache_resource(show_spinner=False, max_entries=24)
def threads_for(model: LabModel) -> int | None:
    """Threads for live work on one image: 1 for a small network, else None, as many as torch takes."""
    network = load(model)
    with threads(1):
        seconds = min(_pass(network, model.shape) for _ in range(3))
    return 1 if seconds < SMALL else None


def _trained(file: Path, given: str) -> Any:
    """A trained model, in the network that was brought where it was trained from a given one."""
    from tla.models.external.sources.table import architecture_of, load, runs_no_code
    from tla.training import load_model

    network = architecture_of(str(json.loads(given)["load"])) if given else ""
    if not network or runs_no_code(network):
        return load_model(file).model
    return load_model(file, load(network, None, None).module).model


@st.cache_data(show_spinner=False)
def differs(_view: View, method: str, seed: int, model: LabModel, stamp: int) -> str:
    """What is wrong if a given model answers otherwise than the study recorded; empty if all is as it was.

    Args:
        _view: The study.
        method: The model's name.
        seed: Its seed.
        model: The model.
        stamp: Of the study, for the cache.
    """
    import torch

    rows: Any = _view.table("attacks")
    rows = rows[(rows["method"] == method) & (rows["attack"] == "clean")]
    rows = rows[rows["seed"] == (seed if method not in _view.given else rows["seed"].min())].head(CHECKED)
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
