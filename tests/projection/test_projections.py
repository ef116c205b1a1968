import importlib

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from tla.distances import unit
from tla.nearest import nearest
from tla.projection import PROJECTIONS


def clusters(n=60, d=12, seed=0):
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    return (6 * torch.eye(3, d)[y] + torch.randn(n, d, generator=rng)).relu(), y


@pytest.mark.parametrize("name", PROJECTIONS.names())
class TestContract:
    def test_same_seed_same_map_and_clusters_stay_together(self, name):
        embedding, y = clusters()
        projection = PROJECTIONS.build(name)
        before = embedding.clone()
        fitted = projection.fit(embedding, seed=3)
        assert fitted.coordinates.shape == (60, 2)
        assert fitted.coordinates.dtype == torch.float32
        assert fitted.coordinates.isfinite().all()
        assert torch.equal(fitted.coordinates, projection(embedding, seed=3))
        assert torch.equal(embedding, before)
        near = nearest(fitted.coordinates, fitted.coordinates, 5, "euclidean", without=torch.arange(60))
        assert (y[near.position] == y[:, None]).float().mean() > 0.95
        assert projection.transforms == (fitted.transform is not None)

    @pytest.mark.parametrize("n", [5, 8])
    @pytest.mark.parametrize("d", [1, 2, 33])
    def test_odd_shapes(self, name, n, d):
        fitted = PROJECTIONS.build(name).fit(torch.rand(n, d, generator=torch.Generator().manual_seed(0)))
        assert fitted.coordinates.shape == (n, 2)
        assert fitted.coordinates.isfinite().all()

    def test_collapsed_embeddings_are_drawn(self, name):
        assert PROJECTIONS.build(name)(torch.ones(8, 4)).isfinite().all()

    def test_bad_input_is_named(self, name):
        with pytest.raises(ValueError, match=r"embedding must hold at least \d points to draw a map, got 0"):
            PROJECTIONS.build(name)(torch.rand(0, 4))
        with pytest.raises(ValueError, match="embedding must be finite, got 1 of 9 rows"):
            PROJECTIONS.build(name)(torch.rand(9, 4).index_fill(0, torch.tensor([2]), torch.nan))


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_pca_is_scikit_learns_up_to_sign(distance):
    embedding, _ = clusters()
    new, _ = clusters(seed=1)
    points, others = (unit(e) if distance == "cosine" else e for e in (embedding, new))
    peer = PCA(2).fit(points.double().numpy())
    fitted = PROJECTIONS.build("pca", distance=distance).fit(embedding)
    for found, expected in [
        (fitted.coordinates, peer.transform(points)),
        (fitted.transform(new), peer.transform(others)),
    ]:
        sign = np.sign((found.numpy() * expected).sum(0))
        np.testing.assert_allclose(found, expected * sign, atol=1e-5)


def test_umap_takes_neighbours_from_a_search():
    embedding, _ = clusters()
    asked = []

    def search(queries, k):
        asked.append((len(queries), k))
        return nearest(queries, embedding, k).position

    projection = PROJECTIONS.build("umap", neighbours=10)
    given = projection.fit(embedding, 0, search).coordinates
    assert sum(n for n, _ in asked) == 60
    assert {k for _, k in asked} == {10}
    assert torch.equal(given, projection(embedding))


@pytest.mark.slow
@pytest.mark.more
def test_umaps_own_graph_gives_a_transform():
    embedding, y = clusters(150)
    new, new_y = clusters(30, seed=1)
    fitted = PROJECTIONS.build("umap", graph="descent", distance="cosine").fit(embedding)
    placed = fitted.transform(new)
    near = nearest(placed, fitted.coordinates, 5, "euclidean").position
    assert (y[near] == new_y[:, None]).float().mean() > 0.9


@pytest.mark.slow
@pytest.mark.more
def test_umap_leaves_the_number_of_threads_alone(monkeypatch):
    """UMAP's compiled loops start a thread per processor on their first run: here on every call."""
    umap = importlib.import_module("tla.projection.umap")._umap()

    class Loud(umap.UMAP):
        def fit(self, *given):
            torch.set_num_threads(3)
            return super().fit(*given)

        def transform(self, *given):
            torch.set_num_threads(3)
            return super().transform(*given)

    monkeypatch.setattr(umap, "UMAP", Loud)
    embedding, _ = clusters()
    before = torch.get_num_threads()
    assert before != 3
    fitted = PROJECTIONS.build("umap", graph="descent", distance="euclidean").fit(embedding)
    assert torch.get_num_threads() == before
    fitted.transform(embedding[:5])
    assert torch.get_num_threads() == before


def test_umap_starts_from_the_spectrum_too():
    embedding, _ = clusters()
    found = PROJECTIONS.build("umap", start="spectral")(embedding)
    assert found.isfinite().all()
    assert not torch.equal(found, PROJECTIONS.build("umap")(embedding))


@pytest.mark.parametrize(
    ("name", "setting", "text"),
    [
        ("umap", {"neighbours": 1}, "neighbours must be >= 2, got 1"),
        ("umap", {"min_dist": 2}, r"min_dist must lie in \[0, 1\], got 2.0"),
        (
            "umap",
            {"graph": "descent"},
            "distance must be 'cosine' or 'euclidean' with graph 'descent', got 'abs_cosine'",
        ),
        ("tsne", {"perplexity": 0}, "perplexity must be > 0, got 0.0"),
        ("pca", {"distance": "l2"}, "must be one of 'abs_cosine', 'cosine', 'euclidean', got 'l2'"),
    ],
)
def test_settings_that_make_no_sense(name, setting, text):
    with pytest.raises(ValueError, match=text):
        PROJECTIONS.build(name, **setting)
