import pytest
import torch
from sklearn.manifold import trustworthiness as peer

from tla.distances import unit
from tla.projection import PROJECTIONS, neighbour_overlap, stability, trust_frame, trustworthiness
from tla.projection.base import Fitted, Projection


def cloud(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "k"), [(8, 3), (60, 1), (60, 10), (300, 20)])
def test_trustworthiness_is_scikit_learns(n, k, monkeypatch):
    embedding, flat = cloud(n, 6), cloud(n, 6)[:, :2] + 0.3 * cloud(n, 2, 1)
    expected = peer(embedding.double().numpy(), flat.double().numpy(), n_neighbors=k)
    assert trustworthiness(embedding, flat, k, "euclidean") == pytest.approx(expected, abs=1e-6)
    expected = peer(unit(embedding).double().numpy(), flat.double().numpy(), n_neighbors=k)
    assert trustworthiness(embedding, flat, k, "cosine") == pytest.approx(expected, abs=1e-6)
    monkeypatch.setattr("tla.projection.maps.trust.COMPARED", 1)
    assert trustworthiness(embedding, flat, k, "cosine") == pytest.approx(expected, abs=1e-6)


def test_a_sample_of_anchors_is_close():
    embedding = cloud(600, 6)
    flat = embedding[:, :2]
    whole = trustworthiness(embedding, flat, 10, "euclidean")
    assert trustworthiness(embedding, flat, 10, "euclidean", anchors=200) == pytest.approx(whole, abs=0.03)
    assert trustworthiness(embedding, flat, 10, "euclidean", anchors=600) == whole


def test_perfect_and_random_maps():
    flat, other = cloud(400, 2), cloud(400, 2, 1)
    assert trustworthiness(flat, 3 * flat + 1, 10, "euclidean") == 1
    assert neighbour_overlap(flat, 3 * flat + 1, 10, "euclidean") == 1
    assert trustworthiness(flat, other, 10, "euclidean") == pytest.approx(0.5, abs=0.03)
    assert neighbour_overlap(flat, other, 10, "euclidean") == pytest.approx(10 / 399, abs=0.01)


def test_overlap_by_hand():
    """On the line 0, 1, 3, 7 every first neighbour is known; the map swaps the last two."""
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    swapped = torch.tensor([[0.0, 0.0], [1.0, 0.0], [7.0, 0.0], [3.0, 0.0]])
    assert neighbour_overlap(line, swapped, 1, "euclidean") == 0.5


class Turning(Projection):
    """The first two features, rotated by the seed: same neighbours, other places."""

    transforms = False

    def fit(self, embedding, seed=0, search=None):
        turn = torch.linalg.qr(cloud(2, 2, seed)).Q
        return Fitted(embedding[:, :2] @ turn, None)


def test_stability():
    embedding = cloud(50, 4)
    found = stability(Turning(), embedding, (3, 4, 5))
    assert found[["first", "second"]].to_numpy().tolist() == [[3, 4], [3, 5], [4, 5]]
    assert found["overlap"].min() > 0.99
    assert found["disparity"].max() < 1e-6
    with pytest.raises(ValueError, match=r"seeds must hold at least two different ones, got \[1, 1\]"):
        stability(Turning(), embedding, (1, 1))


def test_trust_frame():
    embedding = cloud(80, 5)
    projection = PROJECTIONS.build("pca", distance="euclidean")
    flat = projection(embedding)
    frame = trust_frame(projection, embedding, flat)
    assert list(frame) == ["projection", "measure", "k", "n", "value", "chance"]
    assert frame["measure"].tolist() == ["trustworthiness", "neighbour overlap"]
    assert frame["value"].tolist() == [
        trustworthiness(embedding, flat, 10, "euclidean"),
        neighbour_overlap(embedding, flat, 10, "euclidean"),
    ]
    more = trust_frame(projection, embedding, flat, seeds=(0, 1), sample=40)
    assert more["n"].tolist() == [80, 80, 40, 40]
    assert more["value"].tolist()[2:] == pytest.approx([1, 0], abs=1e-9)
    assert trust_frame(projection, embedding[:4], flat[:4])["k"].tolist() == [1, 1]


def test_too_many_neighbours():
    with pytest.raises(ValueError, match=r"k must lie between 1 and 4 \(half of 10 points\), got 5"):
        trustworthiness(cloud(10, 3), cloud(10, 2), 5)
