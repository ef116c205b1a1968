"""Tables for other explorers, against the study's own tables."""

import io
import sys
import types

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tla.cli import main
from tla.widgets.exported import atlas_command, neighbours_of, point_table, write_atlas, write_fiftyone


def test_a_row_is_a_point_of_the_map(small):
    table = point_table(small, "at")
    points = small.table("map").query("method == 'at'")
    assert len(table) == len(points) == 120
    for row in table.itertuples():
        own = points[(points["kind"] == row.kind) & (points["id"] == row.id)].iloc[0]
        assert (row.u, row.v) == (own["u"], own["v"])
        assert (table.at[row.Index, "class"], row.predicted) == (str(own["y"]), str(own["prediction"]))
    shift = small.table("shift").query("method == 'at' and attack == 'pgd' and eps == 0.2").set_index("id")
    attacked = table.query("kind == 'adversarial'")
    np.testing.assert_allclose(attacked["angle"], shift.loc[attacked["id"], "angle"])
    assert table.query("kind == 'clean'")["angle"].isna().all()


def test_neighbours_are_the_nearest_other_rows():
    vectors = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    distance = 1 - unit @ unit.T
    np.fill_diagonal(distance, np.inf)
    for row, found in enumerate(neighbours_of(vectors, 4)):
        assert found["ids"] == np.argsort(distance[row])[:4].tolist()
        np.testing.assert_allclose(found["distances"], np.sort(distance[row])[:4], atol=1e-5)


def test_the_atlas_file_has_what_its_command_names(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "atlas", "digits"]) == 0
    assert (
        "embedding-atlas digits-tla.parquet --x u --y v --neighbors neighbors --image image" in capsys.readouterr().out
    )
    table = pd.read_parquet("digits-tla.parquet")
    assert len(table) == 1000
    assert Image.open(io.BytesIO(table["image"][0]["bytes"])).size == (8, 8)
    assert max(max(one["ids"]) for one in table["neighbors"]) < 1000


def test_without_pictures_and_embeddings_the_points_are_enough(tmp_path, small):
    from tla.widgets.sources import Frames

    source = Frames({"map": small.table("map")})
    path = write_atlas(source, tmp_path / "points.parquet", method="at")
    assert atlas_command(path).endswith("points.parquet --x u --y v")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["atlas", "digits", "--method", "pgd"], "method must be one of natural, at,"),
        (["atlas", "digits", "--out", "points.csv"], "the file must end in .parquet, got 'points.csv'"),
        (["atlas", "digits-pool"], "there is no table 'map' to explore"),
        (["atlas", "digit"], "there is no study 'digit'; did you mean 'digits'?"),
    ],
)
def test_what_cannot_be_exported_is_named(words, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *words]) == 1
    assert text in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_fiftyone_the_pip_line_is_given(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(ModuleNotFoundError, match="needs the package 'fiftyone': pip install fiftyone"):
        write_fiftyone(small, "made", tmp_path / "pictures")


def test_fiftyone_gets_pictures_labels_and_the_map(small, tmp_path, monkeypatch):
    """Its calls, by a stand-in: the package is large and starts a database."""
    made = types.SimpleNamespace(samples=[], points=None)

    class Dataset:
        def __init__(self, name, persistent):
            assert (name, persistent) == ("made", True)

        def add_samples(self, samples):
            made.samples += samples

    fake = types.ModuleType("fiftyone")
    brain = types.ModuleType("fiftyone.brain")
    fake.list_datasets = lambda: ["taken"]
    fake.Classification = lambda label: label
    fake.Sample = lambda **fields: fields
    fake.Dataset = Dataset
    brain.compute_visualization = lambda dataset, points, brain_key: setattr(made, "points", points)
    monkeypatch.setitem(sys.modules, "fiftyone", fake)
    monkeypatch.setitem(sys.modules, "fiftyone.brain", brain)
    assert write_fiftyone(small, "made", tmp_path / "pictures", method="at") == 120
    assert made.points.shape == (120, 2)
    first = made.samples[0]
    assert (first["truth"], first["tags"], first["image_id"]) == ("0", ["clean"], 0)
    with Image.open(first["filepath"]) as picture:
        assert picture.size == (8, 8)
    assert "angle" in made.samples[-1]
    with pytest.raises(ValueError, match="there is a FiftyOne dataset 'taken' already"):
        write_fiftyone(small, "taken", tmp_path / "pictures")
