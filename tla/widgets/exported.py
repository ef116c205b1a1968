"""A method's points as one table for other explorers: coordinates, predictions, measures, neighbours, pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tla.pace import StageProgress, Stages
from tla.plots.drawing.pictures import Pictures, as_bytes
from tla.plots.drawing.theme import methods_of
from tla.widgets.scene import MEASURES, main_shift
from tla.widgets.sources import TableSource, map_rows

NEIGHBOURS = 10
LABELS = {"truth": "class", "predicted": "predicted"}
"""FiftyOne's label fields, and the columns that they show."""


def point_table(
    source: TableSource, method: str | None = None, projection: str | None = None, seed: int | None = None
) -> pd.DataFrame:
    """One row per image and kind ("clean", "adversarial") of one method.

    Args:
        source: The study.
        method: By default tla, or else the last.
        projection: By default umap.
        seed: The smallest by default.

    Returns:
        method, seed, kind, id, class, predicted (names), right, u, v, and for adversarial rows the measures of `shift`.

    Raises:
        ValueError: without a map, or for a method, projection or seed that it does not have.
    """
    rows, _, seed = map_rows(source, projection, seed)
    known = methods_of(rows["method"])
    method = method or ("tla" if "tla" in known else known[-1])
    if method not in known:
        raise ValueError(f"method must be one of {', '.join(known)}, got {method!r}")
    own = rows.loc[rows["method"] == method].sort_values(["kind", "id"], ascending=[False, True]).reset_index(drop=True)
    names = [str(one) for one in source.manifest().get("data", {}).get("classes", ())]

    def named(column: str) -> list[str]:
        return [names[k] if 0 <= k < len(names) else str(k) for k in own[column].tolist()]

    table = pd.DataFrame({
        "method": method, "seed": seed, "kind": own["kind"].astype(str), "id": own["id"].to_numpy(np.int64),
        "class": named("y"), "predicted": named("prediction"), "right": (own["prediction"] == own["y"]).to_numpy(bool),
        "u": own["u"].to_numpy(np.float32), "v": own["v"].to_numpy(np.float32),
    })  # fmt: skip
    shift, _, _ = main_shift(source, seed)
    shift = shift.loc[shift["method"] == method]
    measures = [name for name in MEASURES if name in shift.columns]
    if measures:
        table = table.merge(shift[["id", *measures]].assign(kind="adversarial"), on=["id", "kind"], how="left")
    return table


def vectors_of(source: TableSource, table: pd.DataFrame) -> np.ndarray | None:
    """The embedding of each row, shape (n, d); None where the study keeps none."""
    model = f"{table['method'].iloc[0]}-seed{table['seed'].iloc[0]}"
    try:
        embeddings, ids = source.arrays(f"embeddings/{model}"), source.arrays("images")["test_id"]
    except FileNotFoundError:
        return None
    if not {"test", "adversarial"} <= set(embeddings):
        return None
    row = {int(one): k for k, one in enumerate(ids)}
    sides = {"clean": embeddings["test"], "adversarial": embeddings["adversarial"]}
    if not all(int(one) in row for one in table["id"]):
        return None
    pairs = zip(table["kind"], table["id"], strict=True)
    return np.stack([sides[kind][row[int(one)]] for kind, one in pairs]).astype(np.float32)


def neighbours_of(vectors: np.ndarray, k: int = NEIGHBOURS) -> list[dict[str, Any]]:
    """The nearest other rows of each row: {"ids": row numbers, "distances": cosine distances}."""
    import torch

    from tla.nearest import nearest

    points = torch.from_numpy(vectors)
    found = nearest(points, points, min(k, len(points) - 1), "cosine", without=torch.arange(len(points)))
    pairs = zip(found.position.tolist(), found.distance.tolist(), strict=True)
    return [{"ids": ids, "distances": distances} for ids, distances in pairs]


def pictures_for(source: TableSource, table: pd.DataFrame) -> list[np.ndarray | None]:
    """The picture of each row, uint8 of shape (h, w) or (h, w, 3); None where there is none."""
    model = f"{table['method'].iloc[0]}-seed{table['seed'].iloc[0]}"
    held = Pictures.of(source, (model,))
    sides = {"clean": held.test, "adversarial": held.adversarial.get(model, {})}
    pairs = zip(table["kind"], table["id"], strict=True)
    return [as_bytes(sides[kind][int(one)]) if int(one) in sides[kind] else None for kind, one in pairs]


def write_atlas(
    source: TableSource, path: Path, *, progress: Callable[[StageProgress], None] | None = None, **which: Any
) -> Path:
    """A parquet file for Embedding Atlas, which is made for millions of points.

    Args:
        source: The study.
        path: Ends in .parquet; replaced whole.
        progress: Called before each stage.
        which: method, projection, seed, as `point_table` takes them.

    Raises:
        ValueError: for another ending, or a method, projection or seed that the study does not have.
        OSError: without space or permission.
    """
    import io

    from PIL import Image

    from tla.files import replacing

    if path.suffix != ".parquet":
        raise ValueError(f"the file must end in .parquet, got {path.name!r}")
    stages = Stages(progress, 4)
    stages.begin("reading points")
    table = point_table(source, **which)
    stages.begin("searching neighbours")
    vectors = vectors_of(source, table)
    if vectors is not None and len(vectors) > 1:
        table = table.assign(neighbors=neighbours_of(vectors))
    stages.begin("packing pictures")
    pictures = pictures_for(source, table)
    if any(picture is not None for picture in pictures):
        files = []
        for picture in pictures:
            file = io.BytesIO()
            if picture is not None:
                Image.fromarray(picture).save(file, "PNG")
            files.append({"bytes": file.getvalue()} if picture is not None else None)
        table = table.assign(image=files)
    stages.begin("writing")
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")
    return path


def atlas_command(path: Path) -> str:
    """The command that opens the file."""
    columns = set(pd.read_parquet(path).columns)
    words = ["embedding-atlas", str(path), "--x u --y v"]
    words += ["--neighbors neighbors"] if "neighbors" in columns else []
    words += ["--image image"] if "image" in columns else []
    return " ".join(words)


def write_fiftyone(
    source: TableSource,
    name: str,
    folder: Path,
    *,
    progress: Callable[[StageProgress], None] | None = None,
    **which: Any,
) -> int:
    """A FiftyOne dataset: pictures as files, labels, measures and the map as an embeddings visualisation.

    Args:
        source: The study.
        name: Of the dataset; one of this name must not exist.
        folder: Where the pictures are written.
        progress: Called before each stage.
        which: method, projection, seed, as `point_table` takes them.

    Returns:
        How many samples it has.

    Raises:
        ModuleNotFoundError: without the package fiftyone; gives the pip line.
        ValueError: for a name that is taken, or a study without pictures.
    """
    from PIL import Image

    from tla.extras import require

    fo = require("fiftyone", "tla export fiftyone")
    brain = require("fiftyone.brain", "tla export fiftyone")
    stages = Stages(progress, 3)
    stages.begin("reading points")
    table = point_table(source, **which)
    pictures = pictures_for(source, table)
    if all(picture is None for picture in pictures):
        raise ValueError("the study came without images, and FiftyOne shows images; use `tla export atlas`")
    if name in fo.list_datasets():
        raise ValueError(f"there is a FiftyOne dataset {name!r} already; choose another with --name, or delete it")
    stages.begin("writing pictures")
    folder.mkdir(parents=True, exist_ok=True)
    samples, points = [], []
    for row, picture in zip(table.to_dict("records"), pictures, strict=True):
        if picture is None:
            continue
        file = folder / f"{row['kind']}-{row['id']}.png"
        Image.fromarray(picture).save(file)
        measured = {key: float(row[key]) for key in MEASURES if key in row and np.isfinite(row[key])}
        labels = {key: fo.Classification(label=row[column]) for key, column in LABELS.items()}
        sample = {"tags": [row["kind"]], "image_id": row["id"], "right": bool(row["right"])}
        samples.append(fo.Sample(filepath=str(file.resolve()), **sample, **labels, **measured))
        points.append([row["u"], row["v"]])
    stages.begin("writing the dataset")
    dataset = fo.Dataset(name, persistent=True)
    dataset.add_samples(samples)
    brain.compute_visualization(dataset, points=np.array(points), brain_key="map")
    return len(samples)
