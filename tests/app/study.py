"""A synthetic study in a folder of studies, as the dashboard finds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "plots"))

from frames import World, write_store

from tla.store import Store

WORLD = World(methods=("natural", "at", "tla"), n=60)


def make_study(folder: Path, *, complete: bool = True, world: World = WORLD) -> Store:
    """A whole study folder, models apart; not finished if `complete` is false."""
    store = write_store(folder, world)
    manifest = store.manifest()
    attack = {"norm": "linf", "eps": world.eps, "main": "pgd"}
    shape = list(store.arrays("images")["test"].shape[1:])
    store.note(
        study=manifest["study"] | {"attack": attack},
        data=manifest["data"] | {"shape": shape, "queries": world.n},
        complete="yes" if complete else None,
    )
    return store
