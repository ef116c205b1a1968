"""Distances against values by hand and explicit loops."""

import inspect
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tla.distances import DISTANCES, distance, pairwise, unit

A, P, NEAR, FAR = (torch.tensor([row]) for row in ([3.0, 4.0], [4.0, 3.0], [5.0, 5.0], [0.0, 5.0]))


@pytest.mark.parametrize(
    ("u", "v", "name", "value"),
    [
        (A, P, "abs_cosine", 0.04),
        (A, FAR, "abs_cosine", 0.20),
        (A, NEAR, "abs_cosine", 1 - 35 / (5 * math.sqrt(50))),
        (A, -A, "abs_cosine", 0.0),
        (A, -A, "cosine", 2.0),
        (A, P, "euclidean", math.sqrt(2)),
        (A, -A, "euclidean", 10.0),
    ],
)
def test_values_by_hand(u, v, name, value):
    assert distance(u, v, name).item() == pytest.approx(value, abs=1e-6)
    assert pairwise(u, v, name).item() == pytest.approx(value, abs=1e-6)


def test_hinge_of_the_triplet_by_hand():
    alpha = 0.05
    assert (distance(A, P) - distance(A, FAR) + alpha).clamp_min(0).item() == 0
    assert (distance(A, P) - distance(A, NEAR) + alpha).clamp_min(0).item() == pytest.approx(0.079949, abs=1e-6)


def _by_loop(u, v, name):
    rows = []
    for a in u.double().tolist():
        row = []
        for b in v.double().tolist():
            dot = sum(x * y for x, y in zip(a, b, strict=True))
            long = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
            euclidean = math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))
            row.append({"abs_cosine": 1 - abs(dot / long), "cosine": 1 - dot / long, "euclidean": euclidean}[name])
        rows.append(row)
    return torch.tensor(rows)


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 5), (30, 40)])
def test_pairwise_is_the_explicit_loop(name, n, m):
    source = torch.Generator().manual_seed(n)
    u, v = torch.randn(n, 7, generator=source), torch.randn(m, 7, generator=source)
    expected = _by_loop(u, v, name)
    assert torch.allclose(pairwise(u, v, name), expected, atol=1e-5)
    rows = torch.stack([distance(u[i].expand_as(v), v, name) for i in range(n)])
    assert torch.allclose(rows, expected, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4),
    st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4),
    st.floats(0.5, 10),
)
def test_ranges_symmetry_and_scale(first, second, factor):
    u, v = torch.tensor([first]), torch.tensor([second])
    for name, most in (("abs_cosine", 1), ("cosine", 2)):
        there, back = distance(u, v, name), distance(v, u, name)
        assert there.item() == pytest.approx(back.item(), abs=1e-6)
        assert -1e-6 <= there.item() <= most + 1e-6
        if u.norm() > 1e-3:
            assert distance(factor * u, v, name).item() == pytest.approx(there.item(), abs=1e-5)
    assert distance(u, v, "euclidean").item() == pytest.approx(distance(v, u, "euclidean").item())


@pytest.mark.parametrize("name", DISTANCES)
def test_zero_rows_and_equal_rows_have_finite_gradients(name):
    for u in (torch.zeros(2, 3), torch.ones(2, 3)):
        v = u.clone()
        u.requires_grad_()
        distance(u, v, name).sum().backward()
        assert u.grad is not None
        assert bool(u.grad.isfinite().all())


def test_unit_has_length_one_and_keeps_zeros():
    rows = unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    assert torch.allclose(rows, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_is_measured_in_float32(kind):
    u, v = torch.tensor([[1.0, 0.0], [0.0, 0.0]], dtype=kind), torch.tensor([[1.0, 0.03125], [0.0, 0.0]], dtype=kind)
    exact = 1 - 1 / math.sqrt(1 + 0.03125**2)
    for measured in (distance(u, v), pairwise(u, v).diagonal()):
        assert measured.dtype == torch.float32
        assert measured[0].item() == pytest.approx(exact, abs=1e-6)
        assert measured[1].item() == 1


@pytest.mark.parametrize("name", DISTANCES)
def test_pairwise_is_exact_under_autocast(name):
    source = torch.Generator().manual_seed(0)
    u, v = torch.randn(30, 16, generator=source), torch.randn(40, 16, generator=source)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = pairwise(u, v, name)
    assert torch.equal(under, pairwise(u, v, name))


@pytest.mark.parametrize("measure", [distance, pairwise])
def test_an_unknown_name_is_refused(measure):
    with pytest.raises(ValueError, match="distance must be one of abs_cosine, cosine, euclidean, got 'manhattan'"):
        inspect.unwrap(measure)(A, P, "manhattan")  # as a user without type checks would call it
