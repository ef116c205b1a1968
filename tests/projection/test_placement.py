import pytest
import torch

from tla.nearest import nearest
from tla.projection import barycentre


@pytest.fixture
def drawn():
    rng = torch.Generator().manual_seed(0)
    return torch.rand(40, 6, generator=rng), torch.randn(40, 2, generator=rng)


def test_a_point_of_the_map_falls_on_itself(drawn):
    embedding, coordinates = drawn
    torch.testing.assert_close(barycentre(embedding, embedding, coordinates), coordinates, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("b", [1, 3, 8])
def test_a_place_does_not_depend_on_the_batch(drawn, b):
    new = torch.rand(8, 6, generator=torch.Generator().manual_seed(1))
    whole = barycentre(new, *drawn)
    torch.testing.assert_close(torch.cat([barycentre(some, *drawn) for some in new.split(b)]), whole)


def test_by_hand():
    """Distances 0.5 and 0.25 to two points: weights 1/3 and 2/3."""
    embedding, coordinates = torch.tensor([[0.0], [0.75]]), torch.tensor([[0.0, 0.0], [3.0, 6.0]])
    found = barycentre(torch.tensor([[0.5]]), embedding, coordinates, k=2, name="euclidean")
    torch.testing.assert_close(found, torch.tensor([[2.0, 4.0]]))


def test_a_given_search_gives_the_same_place(drawn):
    new = torch.rand(8, 6, generator=torch.Generator().manual_seed(1))

    def search(queries, k):
        return nearest(queries, drawn[0], k).position

    torch.testing.assert_close(barycentre(new, *drawn, search=search), barycentre(new, *drawn))
    assert barycentre(new[:0], *drawn, search=search).shape == (0, 2)


def test_fewer_points_than_neighbours_and_none_to_place(drawn):
    embedding, coordinates = drawn
    assert torch.equal(barycentre(embedding[3:], embedding[:1], coordinates[:1]), coordinates[:1].expand(37, 2))
    assert barycentre(embedding[:0], embedding, coordinates).shape == (0, 2)
