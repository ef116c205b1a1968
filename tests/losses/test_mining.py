"""Mining: values by hand, explicit loops, uniform draws."""

import pytest
import torch
from scipy.stats import chisquare

from tla.losses.mining.selection import nearest_other, other_class, random_key, same_class


def unit(similarity):
    """A vector of length 1 with a given cosine to (1, 0)."""
    return (similarity, (1 - similarity**2) ** 0.5)


@pytest.mark.parametrize(
    ("similarities", "name", "expected"),
    [
        ((0.9, 0.4, 0.7), "abs_cosine", 2),
        ((0.9, -0.1, -0.3), "cosine", 1),
        ((0.9, -0.1, -0.3), "abs_cosine", 2),
        ((0.9, -0.1, -0.3), "euclidean", 1),
    ],
)
def test_golden_choice(similarities, name, expected):
    """The first key is of the query's own class; it is masked by infinity, not by zero."""
    keys = torch.tensor([unit(s) for s in similarities])
    choice = nearest_other(torch.tensor([[1.0, 0.0]]), torch.tensor([3]), keys, torch.tensor([3, 1, 2]), name)
    assert choice.rows.tolist() == [expected]
    assert choice.valid.tolist() == [True]


def test_nearest_other_is_the_explicit_loop():
    g = torch.Generator().manual_seed(0)
    queries, keys = torch.randn(17, 5, generator=g), torch.randn(40, 5, generator=g)
    y, key_y = torch.randint(4, (17,), generator=g), torch.randint(-1, 4, (40,), generator=g)
    choice = nearest_other(queries, y, keys, key_y)
    for i in range(17):
        others = [j for j in range(40) if key_y[j] not in (-1, y[i])]
        cosine = torch.nn.functional.cosine_similarity(queries[i], keys, dim=1).abs()
        assert choice.rows[i].item() == max(others, key=lambda j: cosine[j].item())


def test_keys_of_the_same_class_give_no_valid_negative():
    queries, y = torch.ones(2, 3), torch.tensor([1, 0])
    choice = nearest_other(queries, y, torch.ones(1, 3), torch.tensor([1]))
    assert choice.valid.tolist() == [False, True]
    empty = nearest_other(queries, y, torch.zeros(4, 3), torch.full((4,), -1))
    assert empty.valid.tolist() == [False, False]


def test_random_keys_are_drawn_uniformly_from_the_allowed():
    allowed = torch.tensor([[True, False, True, True, False, True]]).expand(8000, -1)
    choice = random_key(allowed, torch.Generator().manual_seed(1))
    counts = torch.bincount(choice.rows, minlength=6)
    assert counts[[1, 4]].sum() == 0
    assert chisquare(counts[[0, 2, 3, 5]].numpy()).pvalue > 0.001
    assert not random_key(torch.zeros(3, 2, dtype=torch.bool), torch.Generator()).valid.any()


def test_masks_are_the_explicit_loop():
    y, key_y, own = torch.tensor([0, 1, 0]), torch.tensor([0, 1, 0, 1, -1]), torch.tensor([0, 1, 2])
    same, other = same_class(y, key_y, own), other_class(y, key_y)
    for i in range(3):
        for j in range(5):
            assert same[i, j] == (y[i] == key_y[j] and own[i] != j)
            assert other[i, j] == (key_y[j] >= 0 and y[i] != key_y[j])
