"""Which map a figure shows, and how it says that points were placed."""

import pytest
from frames import TABLES, World

from tla.plots.maps import drawn_as, main_map, one_map


def test_the_main_map_is_a_umap_drawn_together_where_there_is_one():
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
        ("umap", "UMAP of the images, clean and attacked drawn together."),
        ("umap/sample", "of a sample of the images, clean and attacked drawn together; all others are placed between"),
        ("umap/barycentre", "attacked ones are placed between their nearest clean ones, each by itself."),
        ("umap/transform", "by the map's own transform, whose result depends on which are placed together."),
        ("pca/transform", "PCA of the images, clean; attacked ones are placed by the map's own transform."),
        ("umap/sample/barycentre", "UMAP of a sample of the images, clean; attacked ones are placed between"),
    ],
)
def test_a_placed_point_is_called_so(projection, words):
    assert words in drawn_as(projection)
