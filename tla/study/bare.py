"""Packs without images, and their images filled in again from the data set.

What may not be passed on stays out: the clean images, and every picture made of one. Instead of an attacked image its
change is kept, from which the attacked image comes back once the clean one is there. The gallery's embeddings stay out
too, most of a pack's size: nothing needs them before the images are there, and the packed models find them again.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tla.files import swapped_in
from tla.formats import raw
from tla.pace import StageProgress, Stages
from tla.store import Store
from tla.study.credit import CREDIT, write_credit

BARE, TABLES = "without images", "tables"
"""What the manifest of such a pack says it is, and what that of a pack of tables alone."""
GALLERY = "gallery"
SPLITS = ("test", GALLERY)
ATTACKED, REELS = "adversarial", ("film", "radii")
"""Folders of arrays that hold pictures: float32 images by attack, and series of uint8 pictures of a few images."""


def is_bare(manifest: Mapping[str, Any]) -> bool:
    """True if the study came without images that can be filled in."""
    return manifest.get("packed") == BARE


def embeds_again(store: Store, key: str) -> bool:
    """True if the study's weights of a model can embed images: they are there, and need nobody's code.

    Args:
        store: The study.
        key: "at-seed0".
    """
    from tla.training.checkpoint import is_started

    weights = store.place(_weights(key))
    return weights.exists() and not is_started(weights)


def pixel_sums(images: Mapping[str, np.ndarray]) -> dict[str, str]:
    """What the images are recognised by when they are filled in: SHA-256 of the pixels, for each split."""
    return {name: hashlib.sha256(raw(images[name])).hexdigest() for name in SPLITS}


def bare(name: str, arrays: Mapping[str, np.ndarray], images: Mapping[str, np.ndarray]) -> tuple[str, dict[str, Any]]:
    """The name and content of an array file in a pack without images.

    Args:
        name: "images", "film/at-seed0".
        arrays: Its arrays.
        images: The study's images.

    Returns:
        The same where nothing in it is a picture; of pictures what was changed, under a name of its own. Changes of
        attacked images are in half precision, rounded towards zero, so that they stay in the ball.
    """
    if name == "images":
        return name, {key: array for key, array in arrays.items() if key not in SPLITS}
    kind = name.partition("/")[0]
    if kind == ATTACKED:
        clean = _unit(images["test"])
        return f"changed-{name}", {key: _towards_zero(array - clean) for key, array in arrays.items()}
    if kind in REELS:
        change = arrays["pixels"].astype(np.int16) - _of(images, arrays["id"])[:, None]
        small = np.abs(change).max(initial=0) <= np.iinfo(np.int8).max
        kept = {key: array for key, array in arrays.items() if key != "pixels"}
        return f"changed-{name}", kept | {"change": change.astype(np.int8 if small else np.int16)}
    return name, dict(arrays)


def filled(name: str, arrays: Mapping[str, np.ndarray], images: Mapping[str, np.ndarray]) -> tuple[str, dict[str, Any]]:
    """The reverse of `bare`, for every array file but the images themselves."""
    if not name.startswith("changed-"):
        return name, dict(arrays)
    name = name.removeprefix("changed-")
    if name.partition("/")[0] == ATTACKED:
        clean = _unit(images["test"])
        return name, {key: np.clip(clean + array.astype(np.float32), 0, 1) for key, array in arrays.items()}
    pixels = _of(images, arrays["id"])[:, None] + arrays["change"].astype(np.int16)
    kept = {key: array for key, array in arrays.items() if key != "change"}
    return name, kept | {"pixels": pixels.astype(np.uint8)}


def fill(
    store: Store,
    folder: Path,
    *,
    data: str | None = None,
    root: Path | None = None,
    progress: Callable[[StageProgress], None] | None = None,
) -> Store:
    """Copy a study that came without images, with its images from the data set.

    The copy is built next to its destination and moved there when it is complete.

    Args:
        store: A study packed without images.
        folder: Destination; must be new, empty, or the study itself, which then has its images.
        data: Where the images are: "folder:PATH" and the like, see `tla.load_source`, or a folder of data sets. By
            default what the study says, in `root`.
        root: Folder of data sets, and of downloads; by default the variable TLA_DATA, else ~/.cache/tla.
        progress: Called before the data set is read, each gallery is embedded, and the study is copied.

    Raises:
        ValueError: if the study has its images, if the destination is taken, or if the images of the data set are not
            those that the study was made of.
        FileNotFoundError: if the data set is not found and cannot be downloaded; says where it looked.
    """
    manifest = store.manifest()
    name = str((manifest.get("study") or {}).get("name"))
    if not is_bare(manifest):
        held = (
            "came with tables alone, to which no images belong"
            if manifest.get("packed") == TABLES
            else "has its images"
        )
        raise ValueError(f"{store.path}: the study {held}; only one packed with --no-images can be filled")
    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken and folder.resolve() != store.path.resolve():
        raise ValueError(f"{folder} is there already; choose another folder: tla fill {name} FOLDER")
    without = _without_gallery(store)
    stages = Stages(progress, 2 + len(without))
    stages.begin("reading the data set")
    images = _images(store, manifest, data, root)
    with swapped_in(folder) as building:
        galleries = {}
        for key in without:
            stages.begin(f"embedding the gallery with {key}")
            galleries[f"embeddings/{key}"] = {GALLERY: _embedded(store, key, images[GALLERY])}
        stages.begin("writing the study")
        _copy(store, Store(building), manifest, images, galleries)
    return Store(folder)


def _without_gallery(store: Store) -> list[str]:
    """The models whose embeddings of the gallery are to be found again."""
    keys = sorted(file.stem for file in store.path.glob("arrays/embeddings/*.safetensors"))
    return [key for key in keys if GALLERY not in store.arrays(f"embeddings/{key}")]


def _embedded(store: Store, key: str, gallery: np.ndarray) -> np.ndarray:
    import torch

    from tla.devices import choose_device
    from tla.representation import embed
    from tla.study.workspace import at_a_time
    from tla.training import load_model

    model = load_model(store.check(_weights(key))).model
    outputs = embed(model.to(choose_device()), torch.from_numpy(gallery), at_a_time(512, gallery.shape[1:]))
    return outputs.embedding.numpy().astype(np.float16)


def _weights(key: str) -> str:
    return f"models/{key}/model.safetensors"


def _copy(
    store: Store,
    copy: Store,
    manifest: dict[str, Any],
    images: dict[str, np.ndarray],
    galleries: dict[str, dict[str, np.ndarray]],
) -> None:
    files = []
    held = (file.relative_to(store.path) for file in store.path.rglob("*") if file.is_file())
    for relative in sorted(file for file in held if file.name not in ("manifest.json", CREDIT) and file.name[0] != "."):
        if relative.parts[0] == "arrays":
            array = Path(*relative.parts[1:]).with_suffix("").as_posix()
            arrays = store.arrays(array)
            name, content = (array, images) if array == "images" else filled(array, arrays, images)
            files.append(copy.write_arrays(name, galleries.get(name, {}) | content))
            continue
        (copy.path / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store.check(relative.as_posix()), copy.path / relative)
        files.append(relative.as_posix())
    files += write_credit(copy, manifest)
    noted = {key: value for key, value in manifest.items() if key != "pixels"}
    copy.write_json("manifest.json", noted | {"packed": "whole"})
    copy.finish("packed", str(manifest["complete"]), files)


def _images(store: Store, manifest: dict[str, Any], data: str | None, root: Path | None) -> dict[str, np.ndarray]:
    """The study's images as it had them: pixels of the data set, in the order of the study's ids."""
    from tla.data import SOURCES, load_source

    study = manifest["study"]
    if data is None and study["source"]["name"] == "python":
        raise ValueError(f"the images of {study['name']} came from Python; say where they are: --data folder:PATH")
    if data is not None and Path(data).expanduser().is_dir():
        data, root = None, Path(data)
    source = load_source(data) if data is not None else SOURCES.build(**study["source"])
    splits = source.load(root) if study["methods"] else source.load_whole(root)
    ids, found = store.arrays("images"), {}
    for name, images in (("test", splits.test), ("gallery", splits.train)):
        rows = {int(one): row for row, one in enumerate(images.ids)}
        missing = [one for one in ids[f"{name}_id"].tolist() if one not in rows]
        if missing:
            few = ", ".join(map(str, missing[:3])) + (" and others" if len(missing) > 3 else "")
            raise ValueError(
                f"{images.name} has no {images.split} image {few}, which the study {study['name']} was made of"
            )
        found[name] = images.pixels[[rows[one] for one in ids[f"{name}_id"].tolist()]].numpy()
    for name, total in pixel_sums(found).items():
        if total != manifest["pixels"][name]:
            raise ValueError(
                f"the {name} images of {splits.test.name} are not those that the study {study['name']} was made of; "
                "name the right ones: --data folder:PATH"
            )
    return ids | found


def _unit(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / np.float32(255)


def _of(images: Mapping[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    rows = {int(one): row for row, one in enumerate(images["test_id"])}
    return images["test"][[rows[int(one)] for one in ids]].astype(np.int16)


def _towards_zero(values: np.ndarray) -> np.ndarray:
    half = values.astype(np.float16)
    return np.where(np.abs(half.astype(np.float32)) > np.abs(values), np.nextafter(half, np.float16(0)), half)
