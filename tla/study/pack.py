"""Packs a study for sharing: all its results, without what is only needed to resume it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tla.files import swapped_in
from tla.pace import StageProgress, Stages
from tla.store import Store
from tla.study.attack import array_name
from tla.study.bare import BARE, GALLERY, TABLES, bare, embeds_again, is_bare, pixel_sums
from tla.study.credit import CREDIT, write_credit


def pack(
    store: Store,
    folder: Path,
    *,
    tables_only: bool = False,
    images: bool = True,
    progress: Callable[[StageProgress], None] | None = None,
) -> Store:
    """Copy a finished study without training state, tables of single models, indexes and report.

    Weights and embeddings are stored in half precision. Adversarial images are kept only at the study's eps, and in
    full precision: rounded to half they would leave the eps-ball.

    The pack is built next to its destination and swapped in when it is complete: an interrupted call leaves an earlier
    pack as it was.

    Args:
        store: The study.
        folder: Destination; must be new, empty, or hold an earlier pack of the same study, and must not overlap with
            the study.
        tables_only: No images, embeddings or models: enough for figures without images; the dashboard hides it.
        images: False leaves out every picture, for images that may not be passed on, and the embeddings of the gallery,
            which the packed models find again; who has the images fills them in (`tla.study.bare.fill`, `tla fill`).
        progress: Called before the tables, the arrays and the models are written.

    Raises:
        ValueError: if the study is not finished, if its images could not be filled in again, or the destination is
            anything else; says what it is.
    """
    manifest = store.manifest()
    if not manifest.get("complete"):
        raise ValueError(f"{store.path}: the study is not finished; run it to the end first")
    if not images and (tables_only or manifest.get("embeddings") or is_bare(manifest)):
        raise ValueError(f"{store.path}: {_no_images(manifest, tables_only)}")
    _check_destination(store, folder, manifest)
    kind = TABLES if tables_only else BARE if not images or is_bare(manifest) else "whole"
    with swapped_in(folder) as building:
        _write(store, Store(building), manifest, kind, Stages(progress, 1 if tables_only else 3))
    return Store(folder)


def _no_images(manifest: dict[str, Any], tables_only: bool) -> str:
    """Why a study cannot be packed with --no-images."""
    if tables_only:
        return "--tables has no images anyway; give --tables or --no-images"
    if is_bare(manifest):
        return "it came without images already; pack it without --no-images"
    return "a study of embeddings names no data set to fill images in from; pack it with --tables, or whole"


def _write(store: Store, packed: Store, manifest: dict[str, Any], kind: str, stages: Stages) -> None:
    stages.begin("packing tables")
    files = _tables(store, packed)
    noted = {}
    if kind != TABLES:
        stages.begin("packing images and embeddings" if kind == "whole" else "packing embeddings")
        images = store.arrays("images") if kind == BARE and not is_bare(manifest) else None
        noted = {} if images is None else {"pixels": pixel_sums(images)}
        files += _arrays(store, packed, images)
        stages.begin("packing models")
        files += _models(store, packed)
    if kind == "whole":
        files += write_credit(packed, manifest)
    packed.write_text("study.toml", store.place("study.toml").read_text(encoding="utf-8"))
    packed.write_json("manifest.json", manifest | noted | {"steps": {}, "packed": kind})
    packed.finish("packed", str(manifest["complete"]), files)
    steps = {name: {**step, "files": {}} for name, step in manifest["steps"].items()}
    packed.write_json("manifest.json", packed.manifest() | {"steps": steps | packed.manifest()["steps"]})


PACKED = {"manifest.json", "study.toml", "tables", "arrays", "models", CREDIT}
"""What a pack consists of; a folder with anything else is not replaced."""


def _check_destination(store: Store, folder: Path, manifest: dict[str, Any]) -> None:
    """Refuse every folder but a new or empty one and an earlier pack of the same study."""
    source, target = store.path.resolve(), folder.resolve()
    if source == target or source in target.parents or target in source.parents:
        raise ValueError(f"{folder} overlaps with the study {store.path}; choose a folder outside of it")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose another folder")
    other = Store(folder).manifest()
    strange = sorted(file.name for file in folder.iterdir() if file.name not in PACKED)
    if not other.get("packed") or strange:
        also = f" (it has {', '.join(strange[:3])})" if strange else ""
        raise ValueError(f"{folder} holds something other than a packed study{also}; choose another folder")
    names = [str((one.get("study") or {}).get("name")) for one in (other, manifest)]
    if names[0] != names[1]:
        raise ValueError(f"{folder} holds a pack of the study {names[0]!r}, not of {names[1]!r}; choose another folder")


def _tables(store: Store, packed: Store) -> list[str]:
    return [packed.write_table(name, _as_float32(store.table(name))) for name in store.tables()]


def _as_float32(frame: Any) -> Any:
    """Float64 columns (but eps) as float32: half the size, and still more digits than are significant."""
    wide = frame.select_dtypes("float64").columns.drop("eps", errors="ignore")
    return frame.astype(dict.fromkeys(wide, "float32"))


def _arrays(store: Store, packed: Store, images: dict[str, np.ndarray] | None) -> list[str]:
    """Write the arrays; without what is a picture if the images that they are made of are given."""
    plan, files = store.manifest()["study"]["attack"], []
    folder = store.path / "arrays"
    for path in sorted(folder.rglob("*.safetensors")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        arrays = store.arrays(name)
        if path.parent.name == "adversarial":
            main = array_name(plan["main"], plan["eps"])
            arrays = {main: arrays[main]}
        elif path.parent.name == "embeddings":
            left_out = (GALLERY,) if images is not None and embeds_again(store, path.stem) else ()
            arrays = {label: array.astype(np.float16) for label, array in arrays.items() if label not in left_out}
        if images is not None:
            name, arrays = bare(name, arrays, images)
        files.append(packed.write_arrays(name, arrays))
    return files


def _models(store: Store, packed: Store) -> list[str]:
    from tla.training.checkpoint import read_weights, write_weights

    files = []
    for path in sorted((store.path / "models").glob("*/model.safetensors")):
        saved = read_weights(path)
        header = {name: value for name, value in saved.header.items() if name not in ("schema", "weights")}
        relative = f"models/{path.parent.name}/model.safetensors"
        write_weights(packed.path / relative, saved.tensors, header, half=True)
        files.append(relative)
    return files


def pack_weights(store: Store) -> list[Path]:
    """Add a study's models of the first seed to the weights that ship, each with a card of its results.

    Raises:
        ValueError: if the study is not finished.
    """
    from tla import weights
    from tla.statistics import summarise

    manifest = store.manifest()
    if not manifest.get("complete"):
        raise ValueError(f"{store.path}: the study is not finished; run it to the end first")
    summary: Any = summarise(store.table("attacks"))
    plan, files = manifest["study"]["attack"], []
    for method, rows in summary.groupby("method", sort=False):
        seed = int(rows.seed.iloc[0])
        shown = rows[(rows.seed == seed) & ((rows.attack == "clean") | np.isclose(rows.eps, plan["eps"]))]
        card = {
            "recipe": manifest["study"]["name"],
            "seed": seed,
            "hardware": json.dumps(manifest["hardware"]),
            "accuracy": {str(row.attack): round(100 * float(row.accuracy), 2) for row in shown.itertuples()},
            "n": int(shown.n.max()),
            "threat": {"norm": plan["norm"], "eps": plan["eps"]},
            "versions": manifest["versions"],
        }
        checkpoint = store.path / "models" / f"{method}-seed{seed}" / "model.safetensors"
        files.append(weights.pack(checkpoint, f"{manifest['data']['name']}/{method}", card))
    return files
