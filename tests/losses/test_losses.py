"""Losses: values by hand, explicit loops, and the contract of every loss."""

import math

import pytest
import torch
from loss_contract import check_loss, outputs

from tla.losses import LOSSES, Triplets, Views
from tla.losses.alp import Pairing
from tla.losses.cross_entropy import CrossEntropy
from tla.losses.trades import Divergence
from tla.losses.triplet import Triplet, norm_term

ANCHOR, POSITIVE, FAR, NEAR = (3.0, 4.0), (4.0, 3.0), (0.0, 5.0), (5.0, 5.0)


def views(*rows, valid=None, y=None):
    """Views whose embeddings are the given triplets, one after another."""
    table = torch.tensor([point for row in rows for point in row], requires_grad=True)
    first = 3 * torch.arange(len(rows))
    mask = torch.ones(len(rows), dtype=torch.bool) if valid is None else torch.tensor(valid)
    labels = torch.zeros(len(rows), dtype=torch.int64) if y is None else y
    return Views(labels, embeddings=table, triplets=Triplets(first, first + 1, first + 2, mask))


@pytest.mark.parametrize(("negative", "hinge"), [(FAR, 0.0), (NEAR, 0.079949)])
def test_golden_hinge(negative, hinge):
    found = Triplet(alpha=0.05, rho=0.0)(views((ANCHOR, POSITIVE, negative)))
    assert found.loss.item() == pytest.approx(hinge, abs=1e-6)
    assert found.active.item() == (hinge > 0)


@pytest.mark.parametrize(("form", "value"), [("mean_square", 50.0), ("l2", 17.0711), ("none", 0.0)])
def test_golden_norm(form, value):
    a, p, n = (torch.tensor([v]) for v in (ANCHOR, POSITIVE, NEAR))
    assert norm_term(a, p, n, torch.ones(1), form).item() == pytest.approx(value, abs=1e-4)
    with_norm = Triplet(alpha=0.05, rho=0.1, norm=form)(views((ANCHOR, POSITIVE, NEAR))).loss
    assert with_norm.item() == pytest.approx(0.079949 + 0.1 * value, abs=1e-4)


def test_signed_cosine_and_euclidean_margins():
    opposite = (-3.0, -4.0)
    loss = {name: Triplet(alpha=0.0, rho=0.0, distance=name) for name in ("abs_cosine", "cosine", "euclidean")}
    given = views((ANCHOR, opposite, ANCHOR))
    assert loss["abs_cosine"](given).loss.item() == pytest.approx(0.0, abs=1e-6)
    assert loss["cosine"](given).loss.item() == pytest.approx(2.0, abs=1e-6)
    assert loss["euclidean"](given).loss.item() == pytest.approx(10.0, abs=1e-5)


def test_triplet_without_an_active_one_still_has_a_gradient():
    given = views((ANCHOR, POSITIVE, FAR))
    Triplet(alpha=0.05, rho=0.0)(given).loss.backward()
    assert given.embeddings.grad.abs().max() == 0


def test_invalid_triplets_have_no_weight():
    both = views((ANCHOR, POSITIVE, NEAR), (ANCHOR, NEAR, POSITIVE), valid=[True, False])
    found = Triplet(alpha=0.05, rho=0.1)(both)
    alone = Triplet(alpha=0.05, rho=0.1)(views((ANCHOR, POSITIVE, NEAR)))
    assert found.loss.item() == pytest.approx(alone.loss.item())
    assert found.active.item() == 1
    none_valid = Triplet()(views((ANCHOR, POSITIVE, NEAR), valid=[False]))
    assert none_valid.loss.item() == 0
    assert none_valid.active.item() == 0


@pytest.mark.parametrize("reduction", ["mean", "active"])
@pytest.mark.parametrize("norm", ["mean_square", "l2", "none"])
def test_triplet_is_the_explicit_loop(norm, reduction):
    g = torch.Generator().manual_seed(3)
    table = torch.randn(20, 6, generator=g, dtype=torch.float64)
    rows = [torch.randint(20, (11,), generator=g) for _ in range(3)]
    valid = torch.rand(11, generator=g) > 0.3
    found = Triplet(alpha=0.2, rho=0.05, norm=norm, reduction=reduction)(
        Views(torch.zeros(11, dtype=torch.int64), embeddings=table, triplets=Triplets(*rows, valid))
    )
    hinges, norms = [], []
    for a, p, n, counts in zip(*(r.tolist() for r in rows), valid.tolist(), strict=True):
        if not counts:
            continue

        def distance(u, v):
            dot = sum(x * y for x, y in zip(u, v, strict=True))
            return 1 - abs(dot) / math.sqrt(sum(x * x for x in u)) / math.sqrt(sum(x * x for x in v))

        u, v, w = (table[i].tolist() for i in (a, p, n))
        hinges.append(max(0.0, distance(u, v) - distance(u, w) + 0.2))
        lengths = [sum(x * x for x in row) for row in (u, v, w)]
        norms.append({"mean_square": sum(lengths) / 6, "l2": sum(map(math.sqrt, lengths)), "none": 0.0}[norm])
    active = [h for h in hinges if h > 0]
    expected = sum(hinges) / len(active if reduction == "active" else hinges) + 0.05 * sum(norms) / len(norms)
    assert found.loss.item() == pytest.approx(expected, rel=1e-5)
    assert found.active.item() == pytest.approx(len(active) / len(hinges))


def test_cross_entropy_is_the_formula():
    y, clean, moved = torch.tensor([0, 3, 4]), outputs(3), outputs(3, seed=1)
    for s in (0.0, 0.1):
        terms = []
        for logits in (*clean.logits, *moved.logits):
            logs = [z - math.log(sum(math.exp(v) for v in logits.tolist())) for z in logits.tolist()]
            true = logs[y.tolist()[len(terms) % 3]]
            terms.append(-(1 - s) * true - s * sum(logs) / 5)
        both = CrossEntropy(smoothing=s)(Views(y, clean=clean, adversarial=moved)).loss
        assert both.item() == pytest.approx(sum(terms) / 6, rel=1e-5)
        assert CrossEntropy(smoothing=s)(Views(y, clean=clean)).loss.item() == pytest.approx(
            sum(terms[:3]) / 3, rel=1e-5
        )


def test_pairing_is_the_explicit_loop():
    y, clean, moved = torch.zeros(4, dtype=torch.int64), outputs(4), outputs(4, seed=1)
    for of, index in (("logits", 0), ("features", 1)):
        pairs = zip(clean[index].tolist(), moved[index].tolist(), strict=True)
        expected = sum(sum((p - q) ** 2 for p, q in zip(u, v, strict=True)) for u, v in pairs) / 4
        found = Pairing(of=of)(Views(y, clean=clean, adversarial=moved)).loss
        assert found.item() == pytest.approx(expected, rel=1e-5)


def test_divergence_is_the_explicit_loop_and_zero_for_equals():
    y, clean, moved = torch.zeros(4, dtype=torch.int64), outputs(4), outputs(4, seed=1)
    p, q = clean.logits.softmax(1).tolist(), moved.logits.softmax(1).tolist()
    expected = sum(a * math.log(a / b) for u, v in zip(p, q, strict=True) for a, b in zip(u, v, strict=True)) / 4
    assert Divergence()(Views(y, clean=clean, adversarial=moved)).loss.item() == pytest.approx(expected, rel=1e-5)
    assert Divergence()(Views(y, clean=clean, adversarial=clean)).loss.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES.names())
def test_every_loss_keeps_its_contract(name):
    check_loss(name)


@pytest.mark.parametrize(
    ("name", "setting", "text"),
    [
        ("triplet", {"alpha": -0.1}, "alpha must be >= 0, got -0.1"),
        ("triplet", {"rho": -1.0}, "rho must be >= 0, got -1.0"),
        ("cross_entropy", {"smoothing": 1.0}, r"smoothing must be in \[0, 1\), got 1.0"),
        ("alp", {"of": "pixels"}, "alp.*must be one of 'logits', 'features', got 'pixels'"),
    ],
)
def test_bad_settings_are_refused(name, setting, text):
    with pytest.raises(ValueError, match=text):
        LOSSES.build(name, **setting)
