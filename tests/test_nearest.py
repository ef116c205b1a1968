import numpy as np
import pytest
import torch

from tla.distances import DISTANCES, distance
from tla.nearest import nearest, refine


def by_loop(queries, gallery, k, name, without=None):
    rows = []
    for i, query in enumerate(queries):
        pairs = [
            (float(distance(query[None].double(), other[None].double(), name)), j)
            for j, other in enumerate(gallery)
            if without is None or j != int(without[i])
        ]
        rows.append(sorted(pairs)[:k])
    return np.array([[far for far, _ in row] for row in rows]), np.array([[j for _, j in row] for row in rows])


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize(("n", "m", "k"), [(1, 1, 1), (3, 40, 5), (8, 300, 300)])
def test_same_as_a_loop_in_double_precision(name, n, m, k):
    rng = torch.Generator().manual_seed(0)
    queries, gallery = torch.randn(n, 7, generator=rng), torch.randn(m, 7, generator=rng)
    far, place = by_loop(queries, gallery, k, name)
    found = nearest(queries, gallery, k, name)
    np.testing.assert_allclose(found.distance, far, atol=2e-6)
    assert (found.position.numpy() == place).mean() > 0.99


@pytest.mark.parametrize("name", DISTANCES)
def test_the_query_itself_is_left_out(name):
    gallery = torch.randn(30, 4, generator=torch.Generator().manual_seed(1))
    found = nearest(gallery, gallery, 29, name, without=torch.arange(30))
    assert all(i not in row for i, row in enumerate(found.position.tolist()))
    np.testing.assert_array_equal(found.position[:, :3], by_loop(gallery, gallery, 3, name, torch.arange(30))[1])


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("copies", [5, 400])
def test_of_equal_vectors_the_first_wins(name, copies):
    rng = torch.Generator().manual_seed(2)
    kinds = torch.rand(3, 33, generator=rng) + 0.1
    gallery = kinds.repeat(copies, 1)
    queries = kinds + 1e-3 * torch.rand(3, 33, generator=rng)
    found = nearest(queries, gallery, 4, name)
    expected = torch.arange(3)[:, None] + 3 * torch.arange(4)
    assert torch.equal(found.position, expected)
    assert (found.distance == found.distance[:, :1]).all()


def test_a_collapsed_embedding_still_has_an_order():
    found = nearest(torch.zeros(5, 3), torch.zeros(1000, 3), 10)
    assert torch.equal(found.position, torch.arange(10).expand(5, 10))
    assert (found.distance == 1).all()


def test_chunks_do_not_change_the_answer(monkeypatch):
    rng = torch.Generator().manual_seed(3)
    queries, gallery = torch.rand(50, 16, generator=rng), torch.rand(200, 16, generator=rng)
    whole = nearest(queries, gallery, 7)
    monkeypatch.setattr("tla.nearest.CHUNK", 1)
    torch.testing.assert_close(nearest(queries, gallery, 7), whole)


def test_no_queries_no_neighbours():
    found = nearest(torch.rand(0, 4), torch.rand(9, 4), 3)
    assert found.distance.shape == found.position.shape == (0, 3)


def test_refine_drops_repeated_and_missing_candidates():
    gallery = torch.eye(4)
    found = refine(torch.eye(4)[:1], gallery, torch.tensor([[2, 0, -1, 0]]), 3)
    assert found.position.tolist() == [[0, 2, -1]]
    assert found.distance[0, 2].isinf()


@pytest.mark.parametrize("k", [0, 4])
def test_impossible_k(k):
    with pytest.raises(ValueError, match=f"k must lie between 1 and 3 .the gallery has 3 rows., got {k}"):
        nearest(torch.rand(1, 2), torch.rand(3, 2), k)
