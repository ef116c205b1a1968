import numpy as np
import pytest
import torch

from tla.distances import DISTANCES, pairwise
from tla.ranking import _ranked, average_precision, map_at_r, recall_at_k


def by_loop(queries, y, gallery, gallery_y, name, without=None):
    values = []
    for i, (far, own) in enumerate(zip(pairwise(queries.double(), gallery.double(), name), y.tolist(), strict=True)):
        places = [j for j in far.argsort().tolist() if without is None or j != int(without[i])]
        r = sum(int(gallery_y[j]) == own for j in places)
        total, hits = 0.0, 0
        for rank, j in enumerate(places[:r], 1):
            if int(gallery_y[j]) == own:
                hits += 1
                total += hits / rank
        values.append(total / r if r else float("nan"))
    return values


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("chunk", [1, 2**20])
def test_map_at_r_is_the_loop(name, chunk, monkeypatch):
    monkeypatch.setattr("tla.ranking.CHUNK", chunk)
    rng = torch.Generator().manual_seed(0)
    queries, gallery = torch.randn(15, 6, generator=rng), torch.randn(50, 6, generator=rng)
    gallery_y = torch.randint(0, 4, (50,), generator=rng)
    y = torch.arange(15) % 5
    found = map_at_r(queries, y, gallery, gallery_y, name)
    np.testing.assert_allclose(found, by_loop(queries, y, gallery, gallery_y, name), atol=1e-6)
    assert found[y == 4].isnan().all()
    own = torch.arange(15)
    inside = map_at_r(gallery[:15], gallery_y[:15], gallery, gallery_y, name, without=own)
    np.testing.assert_allclose(inside, by_loop(gallery[:15], gallery_y[:15], gallery, gallery_y, name, own), atol=1e-6)


def test_average_precision_by_hand():
    """R = 3, hits at ranks 1 and 3: (1/1 + 2/3) / 3; the hit at rank 4 is beyond R."""
    hit = torch.tensor([[True, False, True, True], [False, False, False, True], [True, True, True, True]])
    found = average_precision(hit, torch.tensor([3, 3, 0]))
    torch.testing.assert_close(found, torch.tensor([5 / 9, 0, torch.nan]), equal_nan=True)


def test_recall_by_hand():
    neighbour_y = torch.tensor([[1, 0, 2], [0, 0, 0]])
    y = torch.tensor([2, 0])
    assert recall_at_k(neighbour_y, y, 2).tolist() == [False, True]
    assert recall_at_k(neighbour_y, y, 3).tolist() == [True, True]
    with pytest.raises(ValueError, match=r"k must lie between 1 and 3 \(the neighbours given\), got 4"):
        recall_at_k(neighbour_y, y, 4)


def test_separated_classes_are_perfect():
    gallery = torch.eye(3).repeat(10, 1) + 0.01
    y = torch.arange(3)
    assert map_at_r(torch.eye(3), y, gallery, y.repeat(10)).tolist() == [1, 1, 1]
    assert map_at_r(torch.eye(3), y.roll(1), gallery, y.repeat(10)).tolist() == [0, 0, 0]


def test_no_queries_no_values():
    none = torch.zeros(0, dtype=torch.long)
    assert map_at_r(torch.rand(0, 3), none, torch.rand(4, 3), torch.arange(4)).shape == (0,)


@pytest.mark.parametrize("name", DISTANCES)
def test_at_equal_distance_the_other_class_comes_first_whatever_the_order(name):
    """One vector, four times: two of the query's class. Misses at ranks 1 and 2, so R = 2 finds nothing."""
    gallery, query = torch.tensor([[3.0, 4.0]]).repeat(4, 1), torch.tensor([[-1.0, 2.0]])
    for labels in ([0, 0, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0]):
        assert map_at_r(query, torch.tensor([0]), gallery, torch.tensor(labels), name).tolist() == [0]
    assert map_at_r(query, torch.tensor([0]), gallery, torch.tensor([0, 0, 0, 1]), name).tolist() == [
        pytest.approx((1 / 2 + 2 / 3) / 3)
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_of_both_signs_and_infinity_keep_their_order(dtype):
    score = torch.tensor([[2.0, -1.0, torch.inf, 0.5, -3.0, 0.0]], dtype=dtype)
    hit = torch.tensor([[True, False, True, False, True, True]])
    assert _ranked(score.clone(), hit, 6).tolist() == [[True, False, True, False, True, True]]
    assert _ranked(score, hit, 2).tolist() == [[True, False]]
