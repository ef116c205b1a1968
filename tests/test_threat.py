"""The geometry of a threat against closed forms, bisection and random points."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tla.threat import NORMS, Threat

norms = st.sampled_from(NORMS)
radii = st.floats(0, 3)
seeds = st.integers(0, 10_000)
shapes = st.sampled_from([(1, 5), (3, 1, 4, 4), (8, 3, 2, 3), (2, 7, 2)])


def _source(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _norm(delta: torch.Tensor, norm: str) -> torch.Tensor:
    return torch.linalg.vector_norm(delta.flatten(1).double(), {"linf": math.inf, "l2": 2, "l1": 1}[norm], dim=1)


def _slack(x: torch.Tensor, norm: str) -> float:
    """What float32 rounding can add to a norm: every coordinate is rounded to 2^-24 of its size."""
    return {"linf": 1, "l2": math.sqrt(x[0].numel()), "l1": x[0].numel()}[norm] * 2**-23


@settings(deadline=None, max_examples=60)
@given(norms, radii, seeds, shapes)
def test_project_lands_in_ball_and_box_and_moves_nothing_that_is_there(norm, eps, seed, shape):
    threat = Threat(norm, eps)
    x = torch.rand(shape, generator=_source(seed))
    there = threat.project(x + 2 * torch.randn(shape, generator=_source(seed + 1)), x)
    assert bool((_norm(there - x, norm) <= eps + _slack(x, norm)).all())
    assert 0 <= there.min() <= there.max() <= 1
    assert torch.allclose(threat.project(there, x), there, atol=1e-6)
    assert torch.allclose(_norm(there - x, norm).float(), threat.distance(x, there), atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(norms, radii, seeds, shapes)
def test_start_lands_in_ball_and_box(norm, eps, seed, shape):
    x = torch.rand(shape, generator=_source(seed))
    there = Threat(norm, eps).start(x, _source(seed + 1))
    assert bool((_norm(there - x, norm) <= eps + _slack(x, norm)).all())
    assert 0 <= there.min() <= there.max() <= 1


@pytest.mark.parametrize("norm", NORMS)
def test_eps_0_is_the_identity(norm):
    x = torch.rand(4, 3, 2, 2, generator=_source(0))
    threat = Threat(norm, 0.0)
    assert torch.equal(threat.start(x, _source(1)), x)
    assert torch.equal(threat.project(torch.rand(x.shape, generator=_source(2)), x), x)


@settings(deadline=None, max_examples=40)
@given(norms, st.floats(0.01, 2), seeds)
def test_project_is_the_nearest_point_of_the_ball(norm, eps, seed):
    threat = Threat(norm, eps, -100.0, 100.0)  # a box that never cuts
    x = torch.randn(4, 6, generator=_source(seed))
    moved = x + 3 * torch.randn(4, 6, generator=_source(seed + 1))
    found = (threat.project(moved, x) - moved).norm(dim=1)
    for trial in range(30):
        other = threat.start(x, _source(seed + 2 + trial))
        assert bool((found <= (other - moved).norm(dim=1) + 1e-4).all())


@settings(deadline=None, max_examples=40)
@given(st.floats(0.01, 3), seeds)
def test_l1_projection_is_the_soft_threshold_that_bisection_finds(eps, seed):
    delta = 2 * torch.randn(5, 9, generator=_source(seed), dtype=torch.float64)
    found = Threat("l1", eps, -100.0, 100.0).project(delta, torch.zeros_like(delta))
    for row, result in zip(delta, found, strict=True):
        if row.abs().sum() <= eps:
            assert torch.allclose(result, row)
            continue
        low, high = 0.0, float(row.abs().max())
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if (row.abs() - middle).clamp_min(0).sum() > eps else (low, middle)
        assert torch.allclose(result, row.sign() * (row.abs() - high).clamp_min(0), atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.01, 3), seeds)
def test_l1_projection_is_the_nearest_point_of_ball_and_box(eps, seed):
    """The optimality conditions: sizes shrink by the same amount, or end at the box, and the budget is used up."""
    x = torch.rand(5, 9, generator=_source(seed), dtype=torch.float64)
    moved = x + 2 * torch.randn(5, 9, generator=_source(seed + 1), dtype=torch.float64)
    found = Threat("l1", eps).project(moved, x)
    assert bool(((found >= 0) & (found <= 1)).all())
    for origin, target, result in zip(x, moved, found, strict=True):
        spent = (result - origin).abs()
        if (target.clamp(0, 1) - origin).abs().sum() <= eps:
            assert torch.allclose(result, target.clamp(0, 1))
            continue
        assert torch.allclose(spent.sum(), torch.tensor(eps, dtype=torch.float64))
        free = (spent > 1e-9) & (result > 1e-9) & (result < 1 - 1e-9)
        shrunk = (target - origin).abs() - spent
        threshold = float(shrunk[free].mean()) if free.any() else float(shrunk.max())
        assert torch.allclose(shrunk[free], torch.full_like(shrunk[free], threshold))
        assert bool(((target - origin).abs()[spent <= 1e-9] <= threshold + 1e-9).all())
        assert bool((shrunk[(spent > 1e-9) & ~free] >= threshold - 1e-9).all())


def test_linf_projection_is_the_nearest_also_at_the_box():
    x = torch.tensor([[0.1, 0.5, 0.95]])
    there = Threat("linf", 0.2).project(torch.tensor([[-3.0, 0.6, 3.0]]), x)
    assert torch.allclose(there, torch.tensor([[0.0, 0.6, 1.0]]))


@settings(deadline=None, max_examples=40)
@given(seeds, shapes)
def test_steepest_has_norm_1_and_gains_the_dual_norm(seed, shape):
    gradient = torch.randn(shape, generator=_source(seed))
    for norm, dual in (("linf", "l1"), ("l2", "l2")):
        direction = Threat(norm).steepest(gradient)
        assert torch.allclose(_norm(direction, norm).float(), torch.ones(len(gradient)), atol=1e-5)
        climbed = (direction * gradient).flatten(1).sum(1)
        assert torch.allclose(climbed, _norm(gradient, dual).float(), rtol=1e-4)


def test_steepest_in_l1_moves_the_largest_hundredth():
    gradient = torch.randn(3, 1, 20, 20, generator=_source(0))
    direction = Threat("l1").steepest(gradient).flatten(1)
    assert torch.allclose(direction.abs().sum(1), torch.ones(3))
    for row, g in zip(direction, gradient.flatten(1), strict=True):
        largest = sorted(range(400), key=lambda i: -abs(float(g[i])))[:4]
        assert sorted(row.nonzero().flatten().tolist()) == sorted(largest)
        assert bool((row * g >= 0).all())


@pytest.mark.parametrize("norm", NORMS)
def test_a_zero_gradient_gives_no_direction(norm):
    assert not Threat(norm).steepest(torch.zeros(2, 1, 3, 3)).any()


@pytest.mark.parametrize("norm", NORMS)
def test_start_is_uniform_in_the_ball(norm):
    """In d dimensions the share of the volume within r of the centre is r^d: its mean is 1/2 if uniform."""
    x = torch.full((20_000, 6), 0.5)
    threat = Threat(norm, 0.4)
    radius = threat.distance(x, threat.start(x, _source(0))) / 0.4
    volume = radius**6
    assert volume.mean().item() == pytest.approx(0.5, abs=0.01)
    assert volume.square().mean().item() == pytest.approx(1 / 3, abs=0.01)


def test_l1_start_is_uniform_over_directions():
    """On the L1 sphere of dimension d every |coordinate| has mean 1/d and second moment 2/(d(d+1))."""
    x = torch.zeros(40_000, 5)
    threat = Threat("l1", 1.0, -2.0, 2.0)
    moved = threat.start(x, _source(0))
    share = moved.abs() / moved.abs().sum(1, keepdim=True)
    assert torch.allclose(share.mean(0), torch.full((5,), 1 / 5), atol=0.005)
    assert torch.allclose(share.square().mean(0), torch.full((5,), 2 / 30), atol=0.003)
    assert moved.mean(0).abs().max() < 0.01


def test_one_eps_per_example():
    eps = torch.tensor([0.0, 0.1, 0.3])
    x = torch.full((3, 4), 0.5)
    for norm in NORMS:
        threat = Threat(norm, eps)
        there = threat.project(torch.ones(3, 4), x)
        assert torch.allclose(threat.distance(x, there), eps, atol=1e-6)
        chosen = threat.select(torch.tensor([2, 0]))
        assert torch.allclose(chosen.distance(x[:2], chosen.project(torch.ones(2, 4), x[:2])), eps[[2, 0]], atol=1e-6)
    with pytest.raises(ValueError, match="eps must be one number or one per example, got 3 for 2 examples"):
        Threat("linf", eps).project(x[:2], x[:2])


def test_one_eps_for_all_is_kept_by_select():
    threat = Threat("l2", 0.5)
    assert threat.select(torch.tensor([0])) is threat


@pytest.mark.parametrize(
    ("settings_", "text"),
    [
        ({"eps": -1.0}, "eps must be >= 0 and finite, got -1.0"),
        ({"eps": math.nan}, "eps must be >= 0 and finite, got nan"),
        ({"eps": math.inf}, "eps must be >= 0 and finite, got inf"),
        ({"eps": torch.tensor([0.1, -0.1])}, "eps must be >= 0 and finite"),
        ({"eps": torch.zeros(2, 2)}, "eps must be one number or one per example, got shape (2, 2)"),
        ({"low": 1.0, "high": 0.0}, "low must be below high, got low=1.0, high=0.0"),
    ],
)
def test_an_invalid_threat_is_refused(settings_, text):
    with pytest.raises(ValueError) as caught:
        Threat(**settings_)
    assert text in str(caught.value)


def test_an_unknown_norm_is_refused():
    """As without type checks: in tests, those would already refuse the constructor."""
    threat = Threat()
    object.__setattr__(threat, "norm", "l3")
    with pytest.raises(ValueError, match="norm must be one of linf, l2, l1, got 'l3'"):
        threat.__post_init__()
