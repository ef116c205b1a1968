"""Maps of the library's map module on a page: lasso, focus, morph, pictures under the pointer."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from board import state
from board.component import load_component
from board.studies import View
from tla.plots import Pictures
from tla.widgets.packing import from_bits, pack, to_bits
from tla.widgets.scene import MapScene
from tla.widgets.sheets import sheets
from tla.widgets.sources import shown
from tla.widgets.whole import pictured

_maps, _kept = load_component("kept_maps"), load_component("kept")


def maps(
    view: View,
    methods: Sequence[str],
    seed: int,
    *,
    key: str,
    focus: int | None,
    picked: Sequence[int] = (),
    colour: str = "true",
    classes: Sequence[int] | None = None,
    paths: Mapping[str, Any] | None = None,
    controls: Sequence[str] = ("arrows", "morph"),
    arrows: str | None = None,
) -> None:
    """Show the maps of some methods; what is drawn round becomes the selection, what is pressed the focus.

    Coordinates and pictures are sent once; a change of anything else sends a few bytes.

    Args:
        view: The study.
        methods: Whose maps.
        seed: Training seed.
        key: Unique name.
        focus: Id of the image in focus.
        picked: Ids of the selected images.
        colour: "true", "predicted" or "flipped".
        classes: Indices of the classes shown; all by default.
        paths: The way of the focus image by method, as `tla.widgets.details.paths` gives it; the maps show its part.
        controls: Of the maps' own: "colour", "arrows", "morph".
        arrows: "selection", "all" or "none" to begin with; then the maps' own control decides.
    """
    scene, block, version = _columns(str(view.path), view.stamp, view.condition, view, tuple(methods), seed)
    _kept(key=f"{key}_kept", data=block)
    stamps: dict[str, int] = st.session_state.setdefault(f"{key}_stamp", {"last": 0})

    def reported(name: str) -> Any:
        given = st.session_state[key].get(name)
        if given is None:
            return None
        stamps["last"] = max(stamps["last"], int(given["stamp"]))
        return given["value"]

    def selected() -> None:
        bits = reported("selection")
        if bits is not None:
            state.pick(scene.ids[from_bits(base64.b64decode(bits), len(scene.ids))].tolist())

    def focused() -> None:
        sample = reported("focus")
        if sample is not None and int(sample) in view.positions:
            state.set_focus(int(sample))

    bits = to_bits(np.isin(scene.ids, np.asarray(picked, np.int64)))
    data = {
        "kept": version,
        "stamp": stamps["last"],
        "focus": focus,
        "selection": base64.b64encode(bits).decode(),
        "only": None if classes is None else list(classes),
        "paths": None if paths is None else dict(paths),
        "near": paths is not None,
        "controls": list(controls),
    }
    data |= {} if arrows is None else {"firstArrows": arrows}
    data |= {} if "colour" in controls else {"colour": colour}
    default = {"selection": None, "focus": None}
    _maps(key=key, data=data, default=default, on_selection_change=selected, on_focus_change=focused)


@st.cache_resource(show_spinner=False, max_entries=16)
def _columns(
    path: str, stamp: int, condition: str, _view: View, methods: tuple[str, ...], seed: int
) -> tuple[MapScene, bytes, str]:
    """The maps, their columns and pictures as one block, and its name."""
    scene = MapScene.of(shown(_view.store, condition), methods=methods, seed=seed)
    held = Pictures.of(_view.store, tuple(f"{method}-seed{seed}" for method in methods), condition)
    version = f"{path} {stamp} {condition} {seed} {' '.join(methods)}"
    places = pictured(held, scene).tobytes()
    found = [_sheet(path, stamp, condition, seed, kind, places, held, scene) for kind in ("clean", *methods)]
    data = scene.plain() | {"pictures": [one for some in found for one in some], "version": version}
    return scene, pack(data), version


@st.cache_resource(show_spinner=False, max_entries=32)
def _sheet(
    path: str, stamp: int, condition: str, seed: int, kind: str, places: bytes, _held: Pictures, _scene: MapScene
) -> list[dict[str, Any]]:
    """The sheet of one kind, the same with whatever other methods it is shown."""
    return sheets(_held, _scene, np.frombuffer(places, np.int64), [kind])
