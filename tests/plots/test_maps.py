"""Which map a figure shows, and how it describes the placement of its points."""

import numpy as np
import pytest
from synthetic import TABLES, World

from tla.plots.drawing.map_points import by_method, main_map, one_map, placement_text, positions


def test_the_main_map_is_a_umap_fitted_to_all_points_if_there_is_one():
    assert main_map(["pca", "umap/sample", "umap"]) == "umap"
    assert main_map(["pca/sample", "umap/sample"]) == "umap/sample"
    assert main_map(["pca", "umap/barycentre", "umap/sample/barycentre"]) == "umap/barycentre"
    assert main_map(["tsne", "pca"]) == "pca"
    points = TABLES["map"](World(n=10, methods=("at",)))
    both = points.assign(projection="umap/sample", u=0.0)
    assert (one_map(both, None, None)["u"] == 0).all()


@pytest.mark.parametrize(
    ("projection", "words"),
    [
        ("umap", "UMAP of the images, fitted to clean and attacked ones together."),
        ("umap/sample", "of a sample of the images, fitted to clean and attacked ones together; all others are placed"),
        ("umap/barycentre", "attacked images are placed between their nearest clean ones, each on its own."),
        ("umap/transform", "by the map's own transform, whose result depends on which are placed together."),
        ("pca/transform", "fitted to clean ones; attacked images are placed by the map's own transform."),
        ("umap/sample/barycentre", "UMAP of a sample of the images, fitted to clean ones; attacked images are placed"),
    ],
)
def test_the_placement_is_described(projection, words):
    assert words in placement_text(projection)


def test_positions_are_the_first_matches_and_mark_missing_ids():
    assert positions(np.array([7, 3, 7, 5]), np.array([5, 7, 4, 9])).tolist() == [3, 0, -1, -1]
    assert positions(np.array([], int), np.array([5])).tolist() == [-1]
    assert positions(np.array([5]), np.array([], int)).tolist() == []


def test_pairs_are_the_images_both_clean_and_adversarial():
    points = TABLES["map"](World(n=12, methods=("at", "tla"))).sample(frac=0.7, random_state=0)
    found = by_method(points, ["tla", "at", "alp"])
    assert list(found) == ["tla", "at", "alp"]
    assert found["alp"].pairs().n == 0
    for method in ("at", "tla"):
        pairs, rows = found[method].pairs(), points[points["method"] == method].set_index(["kind", "id"])
        wanted = set(rows.loc["clean"].index) & set(rows.loc["adversarial"].index)
        assert set(pairs.id.tolist()) == wanted
        assert 0 < pairs.n < 12
        for i, image in enumerate(pairs.id):
            start, end = rows.loc[("clean", image)], rows.loc[("adversarial", image)]
            assert (pairs.u0[i], pairs.v0[i], pairs.u1[i], pairs.v1[i]) == (start["u"], start["v"], end["u"], end["v"])
            assert (pairs.y[i], pairs.prediction[i]) == (end["y"], end["prediction"])
        assert pairs.thin(3).n == 3
        assert pairs.thin(99) is pairs
        assert found[method].of_classes([1, 2]).pairs().id.tolist() == pairs.where(np.isin(pairs.y, [1, 2])).id.tolist()
