import math

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_samples

from tla.distances import DISTANCES, distance
from tla.representation import DrawnTriplets, class_scatter, collapse_statistics, draw_triplets, silhouette, violated


def cloud(n=40, d=6, classes=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (n,), generator=rng)
    return torch.randn(n, d, generator=rng) + 2 * torch.eye(classes, d)[y], y


@pytest.mark.parametrize("n", [8, 40, 300])
def test_silhouette_is_scikit_learns(n):
    embedding, y = cloud(n)
    expected = silhouette_samples(embedding.double().numpy(), y.numpy(), metric="cosine")
    np.testing.assert_allclose(silhouette(embedding, y * 3 + 1), expected, atol=1e-6)


def test_silhouette_of_singletons_and_of_one_class():
    embedding = torch.eye(3)
    assert silhouette(embedding, torch.tensor([0, 1, 1])).tolist()[0] == 0
    assert silhouette(embedding, torch.zeros(3, dtype=torch.long)).isnan().all()


def test_scatter_is_the_loop_and_adds_up():
    embedding, y = cloud()
    units = [[x / math.hypot(*e) for x in e] for e in embedding.double().tolist()]

    def mean(rows):
        return [sum(column) / len(rows) for column in zip(*rows, strict=True)]

    def squared(a, b):
        return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))

    means = {c: mean([u for u, label in zip(units, y.tolist(), strict=True) if label == c]) for c in set(y.tolist())}
    found = class_scatter(embedding, y)
    assert found.within == pytest.approx(
        np.mean([squared(u, means[c]) for u, c in zip(units, y.tolist(), strict=True)])
    )
    assert found.between == pytest.approx(np.mean([squared(means[c], mean(units)) for c in y.tolist()]))
    assert found.within + found.between == pytest.approx(np.mean([squared(u, mean(units)) for u in units]))
    assert found.ratio == found.within / found.between


def test_collapsed_classes_scatter_only_between():
    found = class_scatter(torch.eye(2).repeat(5, 1), torch.arange(10) % 2)
    assert found.within == pytest.approx(0, abs=1e-12)
    assert found.between == pytest.approx(0.5)
    assert math.isnan(class_scatter(torch.ones(4, 2), torch.zeros(4, dtype=torch.long)).ratio)


def test_collapse_by_hand():
    embedding = torch.tensor([[3.0, 0.0, 0.0, 1.0], [0.0, 4.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    found = collapse_statistics(embedding, torch.tensor([0, 1, 1]))
    assert found.dead == 0.5
    assert found.zeros == pytest.approx(7 / 12)
    assert found.norm == pytest.approx((math.sqrt(10) + math.sqrt(17) + 1) / 3)
    cosines = [1 / math.sqrt(170), 1 / math.sqrt(10)]
    assert found.crowding == pytest.approx(sum(cosines) / 2)


def test_effective_rank_counts_directions():
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(2000) % 2
    flat = torch.nn.functional.pad(torch.randn(2000, 3, generator=rng), (0, 5))
    assert collapse_statistics(flat, y).effective_rank == pytest.approx(3, rel=0.01)
    assert collapse_statistics(torch.randn(2000, 8, generator=rng), y).effective_rank == pytest.approx(8, rel=0.01)
    still = collapse_statistics(torch.ones(4, 3), y[:4])
    assert (still.effective_rank, still.dead) == (0, 1)
    assert still.crowding == pytest.approx(1)
    assert math.isnan(collapse_statistics(torch.ones(4, 3), y[:4] * 0).crowding)


class TestTriplets:
    def test_golden_violations(self):
        """By hand: D(a, p) = 0.04; negatives at 0.20 (hinge 0) and 0.010051 (hinge 0.079949)."""
        gallery = torch.tensor([[4.0, 3.0], [0.0, 5.0], [5.0, 5.0]])
        anchor = torch.tensor([[3.0, 4.0]]).repeat(2, 1)
        triplets = DrawnTriplets(torch.tensor([0, 0]), torch.tensor([1, 2]))
        assert violated(anchor, gallery, triplets, 0.05).tolist() == [False, True]
        assert violated(anchor, gallery, triplets, 0.17).tolist() == [True, True]

    @pytest.mark.parametrize("name", DISTANCES)
    @pytest.mark.parametrize("chunk", [1, 2**22])
    def test_classes_are_right_and_the_nearest_of_the_pool_is_taken(self, name, chunk, monkeypatch):
        monkeypatch.setattr("tla.representation.triplets.CHUNK", chunk)
        gallery, gallery_y = cloud(60, seed=1)
        anchor, y = cloud(50, seed=2)

        def draw(pool):
            rng = torch.Generator().manual_seed(0)
            return draw_triplets(anchor, y, gallery, gallery_y, pool=pool, name=name, generator=rng)

        one, many = draw(1), draw(2000)
        for found in (one, many):
            assert torch.equal(gallery_y[found.positive], y)
            assert (gallery_y[found.negative] != y).all()
        assert len(one.positive.unique()) > 20
        for i in range(50):
            others = (gallery_y != y[i]).nonzero()[:, 0]
            far = [float(distance(anchor[i], gallery[j], name)) for j in others]
            assert float(distance(anchor[i], gallery[many.negative[i]], name)) == pytest.approx(min(far), abs=1e-5)

    def test_bad_input_is_named(self):
        gallery, gallery_y = cloud(10, classes=2)
        with pytest.raises(ValueError, match="gallery needs images of class 7 and of another, got 0 and 10"):
            draw_triplets(gallery[:1], torch.tensor([7]), gallery, gallery_y)
        with pytest.raises(ValueError, match="pool must be >= 1, got 0"):
            draw_triplets(gallery, gallery_y, gallery, gallery_y, pool=0)
