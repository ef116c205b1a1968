"""A synthetic study in a folder of studies, as the dashboard finds it."""

from pathlib import Path

import torch
from synthetic import World, write_store

from tla.models import build_model
from tla.models.small_cnn import SmallCNN
from tla.store import Store
from tla.training.checkpoint import describe, save_model
from tla.types import Shape

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "app" / "streamlit_app.py"
PAGES = tuple(sorted(file.name for file in (ROOT / "app" / "pages_").glob("*.py")))
WORLD = World(methods=("natural", "at", "tla"), n=60)


def make_study(folder: Path, *, complete: bool = True, world: World = WORLD) -> Store:
    """A whole study folder, with untrained models; not finished if `complete` is false."""
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
    """A small network for each method, and what it makes of the gallery."""
    backbone = SmallCNN(width=4, embedding=16)
    gallery = torch.from_numpy(store.arrays("images")["gallery"]).float() / 255
    for seed, method in enumerate(world.methods):
        model = build_model(backbone, shape, world.classes, seed).eval()
        header = describe(backbone, shape, tuple(str(k) for k in range(world.classes)))
        save_model(store.path / f"models/{method}-seed0/model.safetensors", model, header)
        with torch.no_grad():
            store.write_arrays(f"embeddings/{method}-seed0", {"gallery": model(gallery).embedding.numpy()})
