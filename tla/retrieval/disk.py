"""An index on disk: FAISS's own file, and next to it vectors, classes and ids."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from tla.distances import DistanceName
from tla.extras import require
from tla.formats import raw
from tla.retrieval.engines import WHY, Flat, IvfPq, SearchEngine
from tla.retrieval.gallery import GalleryIndex
from tla.store import DamagedFileError, file_digest, replacing


class SavedIndex(NamedTuple):
    """The two files of a saved index.

    Attributes:
        faiss: FAISS's index.
        vectors: A .safetensors of vectors, classes, ids and settings.
    """

    faiss: Path
    vectors: Path


def save(gallery: GalleryIndex, path: Path) -> SavedIndex:
    """Write `path` in FAISS's format (which any FAISS program can read) and a .safetensors of the same name.

    Args:
        gallery: What to save.
        path: Ends in ".faiss"; its folder is created.

    Raises:
        ModuleNotFoundError: without FAISS; says how to get it.
        OSError: if it cannot be written; old files stay intact.
    """
    from safetensors.torch import save_file

    engine = gallery.engine or Flat(gallery.vectors.numpy(), gallery.distance == "euclidean")
    settings: dict[str, Any] = {"distance": gallery.distance}
    if isinstance(engine, IvfPq):
        settings |= {"probes": engine.probes, "pool": engine.pool}
    files = SavedIndex(path, path.with_suffix(".safetensors"))
    with replacing(files.faiss) as temporary:
        engine.save(temporary)
    with replacing(files.vectors) as temporary:
        tensors = {"vectors": gallery.vectors, "y": gallery.y, "ids": gallery.ids}
        text = json.dumps(settings)
        save_file(tensors, temporary, {"gallery": text, "sha256": _checksum(tensors, text, files.faiss)})
    return files


def load(path: Path, *, gpu: bool = True) -> GalleryIndex:
    """Read what `save` wrote.

    Args:
        path: The ".faiss" file.
        gpu: Search exactly on the GPUs, if FAISS sees any.

    Raises:
        FileNotFoundError: if one of the two files is missing; names it.
        DamagedFileError: if one cannot be read, or they do not match.
        ModuleNotFoundError: for an approximate index without FAISS.
    """
    from safetensors import safe_open

    vectors_file = path.with_suffix(".safetensors")
    for file in (path, vectors_file):
        if not file.is_file():
            raise FileNotFoundError(f"{file}: no such file; rebuild the index with GalleryIndex.build")
    try:
        with safe_open(vectors_file, "pt") as opened:  # pyright: ignore[reportGeneralTypeIssues]
            written = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in ("vectors", "y", "ids")}
        settings, (vectors, y, ids) = json.loads(written["gallery"]), tensors.values()
        if written.get("sha256") not in (None, _checksum(tensors, written["gallery"], path)):
            raise ValueError("the checksum does not match")
        engine = _engine(path, vectors, settings, gpu)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # each reader raises its own types; the user needs the file's name
        raise DamagedFileError(f"{path}: cannot be read ({error}); delete it and rebuild it") from None
    return GalleryIndex(vectors, y, ids, settings["distance"], engine)


def _checksum(tensors: Mapping[str, Tensor], settings: str, faiss: Path) -> str:
    """SHA-256 over the vectors, their classes and ids, the settings, and FAISS's file."""
    total = hashlib.sha256(f"{file_digest(faiss)} {settings}".encode())
    for name in sorted(tensors):
        total.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        total.update(raw(tensors[name].numpy()))
    return total.hexdigest()


def _engine(path: Path, vectors: Tensor, settings: dict[str, Any], gpu: bool) -> SearchEngine:
    distance: DistanceName = settings["distance"]
    faiss = require("faiss", WHY)
    index = faiss.read_index(str(path))
    if index.ntotal != len(vectors):
        raise ValueError(f"the index holds {index.ntotal} vectors, its .safetensors {len(vectors)}")
    if "probes" in settings:
        return IvfPq(index, settings["probes"], settings["pool"])
    return Flat.build(vectors.numpy(), distance == "euclidean", gpu)
