"""A synthetic study in a folder of studies, and the dashboard on it."""

import atexit
import importlib
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from synthetic import World, write_store

from tla.models import build_model
from tla.models.small_cnn import SmallCNN
from tla.store import Store
from tla.training.checkpoint import describe, save_model
from tla.types import Shape

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "app" / "streamlit_app.py"
PAGES = tuple(sorted(file.stem for file in (ROOT / "app" / "pages_").glob("*.py")))
WORLD = World(methods=("natural", "at", "tla"), n=60)


def make_study(folder: Path, *, complete: bool = True, world: World = WORLD) -> Store:
    """A study folder with every table, image and untrained model; without models and unfinished if not `complete`."""
    store = write_store(folder, world)
    manifest = store.manifest()
    attack = {"norm": "linf", "eps": world.eps, "main": "pgd"}
    shape = list(store.arrays("images")["test"].shape[1:])
    store.note(
        study=manifest["study"] | {"attack": attack},
        data=manifest["data"] | {"shape": shape, "queries": world.n},
        complete="yes" if complete else None,
    )
    if complete:
        add_models(store, world, Shape(*shape))
    return store


def add_models(store: Store, world: World, shape: Shape) -> None:
    """A small network for each method, and its embeddings of the gallery."""
    backbone = SmallCNN(width=4, embedding=16)
    images = {name: torch.from_numpy(store.arrays("images")[name]).float() / 255 for name in ("gallery", "test")}
    for seed, method in enumerate(world.methods):
        model = build_model(backbone, shape, world.classes, seed).eval()
        header = describe(backbone, shape, tuple(str(k) for k in range(world.classes)))
        save_model(store.path / f"models/{method}-seed0/model.safetensors", model, header)
        with torch.no_grad():
            found = {name: model(pixels).embedding.numpy() for name, pixels in images.items()}
        store.write_arrays(f"embeddings/{method}-seed0", found)


@cache
def example_folder(*, complete: bool = True) -> Path:
    """A folder with one synthetic study, "made", or one unfinished, "half"; made once, removed at exit."""
    folder = Path(tempfile.mkdtemp(prefix="tla-dashboard-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_study(folder / ("made" if complete else "half"), complete=complete)
    return folder


def use_studies(patch: pytest.MonkeyPatch, folder: Path, shipped: Path | None = None) -> None:
    """Make the dashboard look for studies in one folder, and for shipped ones in another (by default nowhere)."""
    patch.setenv("TLA_STUDIES", str(folder))
    for name in ("tla.study.locate", "board.studies"):
        patch.setattr(importlib.import_module(name), "shipped_studies", lambda: shipped or folder / "nothing shipped")


UNFOLDED = ("show_code", "show_training_code", "unfold_confused", "unfold_checks", "unfold_terminal")
"""What is made only once it is unfolded: unfolded in every test."""


def open_page(page: str | Path = "tour", /, **query: Any) -> Any:
    """Run one page of the dashboard, with a query in its address.

    Args:
        page: Its name ("shift"), or its file if it is in the folder that TLA_PAGES names.
        query: Parameters of the address.

    Returns:
        The `AppTest` after its first run.
    """
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(SCRIPT, default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    for key in UNFOLDED:
        app.session_state[key] = True
    if page != "tour":
        app.switch_page(str(page_file(page)))
    return app.run()


def page_file(page: str | Path) -> Path:
    """The file of a page."""
    return page if isinstance(page, Path) else SCRIPT.parent / "pages_" / f"{page}.py"
