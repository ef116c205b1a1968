"""Finds the files of a folder of embeddings: arrays by the stems of their files, for every model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tla.formats import read_npy, read_npz
from tla.retrieval import read_embeddings
from tla.store import DamagedFileError

FORM = (
    "a folder holds test.npy (or .parquet), one more file for each other condition, and where there is one gallery.npy"
)
IGNORED = (".md", ".txt", ".rst", ".json", ".toml", ".yaml", ".yml", ".log", ".html", ".png", ".jpg")
"""Files that are left alone unless their name has a meaning: notes and the like."""


MAPPED_FROM = 64 * 2**20
"""Bytes from which on a .npy file is mapped instead of read."""


class Rows(NamedTuple):
    """One array of a model.

    Attributes:
        name: What to call it in a message: the file, or the key.
        values: The array; `Embeddings` from a parquet file.
        labelled: True if the parquet file holds classes.
        file: The file that the values still lie in.
    """

    name: str
    values: Any
    labelled: bool = False
    file: "MappedFile | None" = None


class MappedFile(NamedTuple):
    """A large file that is not read into memory, and what it was like when it was opened.

    Attributes:
        path: The file.
        stamp: Its size, and the time when it was last written.
    """

    path: Path
    stamp: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> "MappedFile":
        """A file as it is now."""
        now = path.stat()
        return cls(path, (now.st_size, now.st_mtime_ns))

    def check(self) -> None:
        """Refuse what was computed from it, if it was written to meanwhile.

        Raises:
            DamagedFileError: names it.
        """
        if not self.path.exists() or MappedFile.of(self.path).stamp != self.stamp:
            raise DamagedFileError(f"{self.path}: it was written to while the study read it; run the study again")


Parts = dict[str, Rows]
"""The arrays of one model by their stems: "test", "gallery", "y_test", "logits_test", "images_test", "classes", ..."""


def read_folder(folder: Path) -> dict[str, Parts]:
    """The files of a folder, by model.

    Args:
        folder: With the files of one model; or with one subfolder per model, where files in the folder itself (classes,
            y_test, images) are of all of them.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: for a file of another kind, one that is given twice, or a folder without test embeddings.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of embeddings; {FORM}")
    shared = _files(folder)
    below = {path.name: _files(path) for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."}
    models = {name: parts for name, parts in below.items() if "test" in parts}
    if "test" in shared:
        if models:
            raise ValueError(
                f"{folder} has {shared['test'].name} and a model's folder {next(iter(models))}/: "
                "put the files of every model into a folder of its own"
            )
        return {folder.resolve().name or "model": shared}
    if not models:
        known = sorted(Path(part.name).name for part in shared.values())
        raise ValueError(
            f"{folder} has no test.npy or test.parquet: {FORM}; it has {', '.join(known) or 'none of them'}"
        )
    return {name: shared | parts for name, parts in models.items()}


def given_parts(given: Mapping[str, Any]) -> dict[str, Parts]:
    """The same from Python: arrays by the stems that files would have, or such mappings by model.

    Raises:
        ValueError: for arrays and mappings in one mapping, or no test embeddings.
    """
    nested = {name: value for name, value in given.items() if isinstance(value, Mapping)}
    flat = {name: value for name, value in given.items() if name not in nested}
    if not nested:
        return {"model": {name: _part(name, value) for name, value in flat.items()}}
    shared = {name: _part(name, value) for name, value in flat.items()}
    if "test" in shared:
        raise ValueError(f"embeddings: 'test' is an array next to the mapping of the model {next(iter(nested))!r}")
    return {
        model: shared | {name: _part(f"{model}: {name}", value) for name, value in parts.items()}
        for model, parts in nested.items()
    }


def _part(name: str, value: Any) -> Rows:
    if isinstance(value, str | Path):
        return _read(Path(value))
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return Rows(name, value)


def _files(folder: Path) -> Parts:
    """The files of one folder by their stems; images.npz is taken apart."""
    found: Parts = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() or path.name.startswith(".") or (path.suffix in IGNORED and path.stem != "classes"):
            continue
        parts = _pictures(path) if path.name == "images.npz" else {path.stem: _read(path)}
        for stem, part in parts.items():
            if stem in found:
                raise ValueError(f"{folder}: {stem} is given twice, by {Path(found[stem].name).name} and {path.name}")
            found[stem] = part
    return found


def _read(path: Path) -> Rows:
    name = str(path)
    if path.stem == "classes":
        return Rows(name, _classes(path))
    if path.suffix == ".parquet":
        return Rows(name, read_embeddings(path), _has_classes(path))
    if path.suffix == ".npy":
        mapped = MappedFile.of(path) if path.stat().st_size >= MAPPED_FROM else None
        return Rows(name, read_npy(path, mapped=mapped is not None), file=mapped)
    raise ValueError(f"{path}: embeddings must be a .npy or .parquet file, got {path.suffix or 'no suffix'!r}")


def _has_classes(path: Path) -> bool:
    import pyarrow.parquet

    return bool({"y", "label"} & set(pyarrow.parquet.read_schema(path).names))


def _pictures(path: Path) -> Parts:
    """images.npz: "test", "gallery" and the conditions become images_test, images_gallery, ..."""
    return {f"images_{name}": Rows(f"{path}: {name}", values) for name, values in read_npz(path).items()}


def _classes(path: Path) -> list[str]:
    """Names of the classes: one a line, or a JSON list."""
    try:
        text = path.read_text(encoding="utf-8")
        names = json.loads(text) if path.suffix == ".json" else [line.strip() for line in text.splitlines()]
    except ValueError as error:
        raise DamagedFileError(f"{path}: cannot be read ({error})") from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path}: classes must be a list of names in the order of their numbers")
    return [name for name in names if name]
