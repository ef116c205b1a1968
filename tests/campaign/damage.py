"""Damaged files of a study: each is refused by name or not read; nothing is shown that was not written."""

import random
import shutil
import tempfile
from pathlib import Path

from tally import Tally, command

from tla.store import DamagedFileError, Store
from tla.study.locate import shipped_studies
from tla.training import load_model

OTHER = "mnist-robust"


def campaign(tries: int, seed: int) -> Tally:
    """Flipped bits, cut ends, zeros, other files in the place of a table, an array, weights or the manifest."""
    rng, tally = random.Random(seed), Tally("damage", seed)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "study")
        shutil.copytree(shipped_studies() / "digits", store.path)
        names = [name for step in store.manifest()["steps"].values() for name in step["files"]]
        whole = {name: read(store, name) for name in names}
        for _ in range(tries):
            name = rng.choice([*names, "manifest.json"])
            file = store.path / name
            before = file.read_bytes()
            after = damaged(rng, before, [store.path / other for other in names if other != name])
            file.write_bytes(after)
            if name == "manifest.json":
                _manifest(tally, store, before, after)
            else:
                _file(tally, store, name, whole[name], before, after)
            file.write_bytes(before)
    return tally


def damaged(rng: random.Random, content: bytes, others: list[Path]) -> bytes:
    """The content with one kind of damage."""
    kind, place = (
        rng.choice(("bit", "bit", "byte", "cut", "zeros", "other", "empty", "longer")),
        rng.randrange(len(content)),
    )
    if kind == "bit":
        return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]
    if kind == "byte":
        return content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
    changed = {"cut": content[:place], "zeros": content[:place] + bytes(len(content) - place), "empty": b""}
    return (
        changed.get(kind)
        if kind in changed
        else content + b"x"
        if kind == "longer"
        else rng.choice(others).read_bytes()
    )


def read(store: Store, name: str) -> object:
    """What a reader gets of a file of the study."""
    folder, _, stem = name.partition("/")
    if not stem:
        return store.check(name).read_text("utf-8")
    if folder == "tables":
        return store.table(stem.removesuffix(".parquet")).to_csv()
    if folder == "arrays":
        arrays = store.arrays(stem.removesuffix(".safetensors"))
        return {key: array.tobytes() for key, array in arrays.items()}
    return {key: value.numpy().tobytes() for key, value in load_model(store.check(name)).model.state_dict().items()}


def _file(tally: Tally, store: Store, name: str, whole: object, before: bytes, after: bytes) -> None:
    try:
        found = read(store, name)
    except DamagedFileError as error:
        tally.add("held" if Path(name).name in str(error) else "silently wrong", (name, str(error)))
    except Exception as error:
        tally.add("traceback", (name, repr(error)))
    else:
        tally.add("held" if found == whole and after == before else "silently wrong", name)
    if (store.path / name).read_bytes() != after:
        tally.add("lost", (name, "a damaged file was overwritten"))


def _manifest(tally: Tally, store: Store, before: bytes, after: bytes) -> None:
    """A damaged manifest is refused, or says the same, or fails to match the files."""
    try:
        store.manifest()
        store.changed()
        store.tables()
    except DamagedFileError as error:
        tally.add("held" if "manifest" in str(error) or "leads out" in str(error) else "silently wrong", str(error))
    except Exception as error:
        tally.add("traceback", ("manifest.json", repr(error)))
    else:
        tally.add("held")


if __name__ == "__main__":
    command("damage", campaign, 1000)
