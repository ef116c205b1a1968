import numpy as np
import pytest
import torch

from tla.representation import cka_interval, linear_cka


def features(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_definition(x, y):
    """U-centring (Szekely & Rizzo 2014): HSIC is the inner product of U-centred matrices over n (n - 3)."""

    def centred(a):
        n = len(a)
        k = a @ a.T
        np.fill_diagonal(k, 0)
        rows = k.sum(1)
        u = k - rows[:, None] / (n - 2) - rows[None] / (n - 2) + k.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(u, 0)
        return u

    a, b = centred(x.numpy()), centred(y.numpy())
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


@pytest.mark.parametrize(("n", "d", "e"), [(4, 3, 2), (30, 5, 8), (30, 50, 8), (30, 5, 5000)])
def test_same_as_the_definition_by_features_and_by_pairs(n, d, e):
    x = features(n, d) + 3
    y = torch.cat([x[:, :2], features(n, e - 2, 1)], 1)
    assert linear_cka(x, y) == pytest.approx(by_definition(x, y), abs=1e-9)


def test_rotation_scale_and_shift_do_not_matter():
    x = features(50, 6)
    rotation = torch.linalg.qr(features(6, 6, 1)).Q
    assert linear_cka(x, 4 * x @ rotation + 7) == pytest.approx(1)
    assert linear_cka(x, x) == pytest.approx(1)


@pytest.mark.parametrize("d", [10, 400])
def test_unrelated_features_are_about_zero_however_many(d):
    values = [linear_cka(features(100, d, seed), features(100, d, 1000 + seed)) for seed in range(20)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(20)
    assert abs(np.mean(values)) < 0.02


def test_interval_holds_the_value_of_many_more_images():
    x = features(20_000, 5)
    y = x + features(20_000, 5, 1)
    truth = linear_cka(x, y)
    inside = 0
    for start in range(0, 20_000, 1000):
        found = cka_interval(x[start : start + 1000], y[start : start + 1000])
        assert found.low < found.cka < found.high
        inside += found.low <= truth <= found.high
    assert 16 <= inside <= 20


def test_interval_by_pairs_is_the_interval_by_features():
    x, y = features(60, 8), features(60, 8, 1) + features(60, 8)
    wide = [torch.nn.functional.pad(side, (0, 100)) for side in (x, y)]
    np.testing.assert_allclose(cka_interval(*wide), cka_interval(x, y), rtol=1e-9)


def test_nothing_varies_and_too_few():
    assert np.isnan(linear_cka(torch.ones(5, 3), torch.rand(5, 3)))
    assert np.isnan(cka_interval(torch.rand(4, 3), torch.rand(4, 3)).low)
    with pytest.raises(ValueError, match="CKA needs the same 4 or more images in both, got 3 and 3"):
        linear_cka(torch.rand(3, 2), torch.rand(3, 2))
