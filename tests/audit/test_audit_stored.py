"""Stored adversarial images are audited as they are."""

import numpy as np
import pytest
import torch

from tla.attacks import PGD, Untargeted
from tla.audit import audit_stored, run_audit
from tla.audit.context import overshoot
from tla.seeding import generator
from tla.threat import Threat


@pytest.fixture(scope="module")
def stored(natural, digits):
    threat = Threat("linf", 0.1)
    source = generator(0, "stored")
    result = PGD(steps=10, loss="margin")(natural, digits.x, Untargeted(digits.y), threat, generator=source)
    with torch.no_grad():
        wrong = natural(digits.x).logits.argmax(1) != digits.y
    return result.adversarial, result.success | wrong, wrong


def test_honest_arrays_pass_all_three_checks(natural, digits, threat, stored):
    images, success, _ = stored
    report = audit_stored(natural, digits.x, digits.y, threat, {"pgd": (images.numpy(), success.numpy())})
    assert [(v.check, v.verdict) for v in report.verdicts] == [
        ("ball", "OK"),
        ("recheck", "OK"),
        ("fooled_clean", "OK"),
    ]
    assert report.summary.level == "stored"
    assert report.summary.minimum.value == pytest.approx(1 - success.float().mean().item())
    assert "incomplete" in report.summary.not_run


def test_a_wrong_eps_is_found_with_its_images(natural, digits, threat, stored):
    images = stored[0].clone()
    images[7] = (digits.x[7] + 0.11).clamp(0, 1)
    report = audit_stored(natural, digits.x, digits.y, threat, {"pgd": images}, ids=torch.arange(500) + 1000)
    assert report["ball"].verdict == "FAIL"
    assert report["ball"].ids == (1007,)
    assert "1 of 500 images are outside the ball or the box, by up to 0.01" in report["ball"].evidence
    smaller = audit_stored(natural, digits.x, digits.y, Threat("linf", 0.05), {"pgd": stored[0]})
    assert len(smaller["ball"].ids) > 400


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.0001, -0.0001])
def test_values_outside_the_box_are_found(value, natural, digits, threat, stored):
    images = stored[0].clone()
    images[3, 0, 0, 0] = value
    report = audit_stored(natural, digits.x, digits.y, Threat("linf", 1.0), {"pgd": images})
    assert report["ball"].verdict == "FAIL"
    assert report["ball"].ids == (3,)


def test_false_claims_are_listed_in_both_directions(natural, digits, threat, stored):
    images, success, wrong = stored
    rows = (~wrong).nonzero()[:, 0]
    lies = success.clone()
    lies[rows[:30]] = ~lies[rows[:30]]
    report = audit_stored(natural, digits.x, digits.y, threat, {"pgd": (images, lies)})
    assert report["recheck"].verdict == "FAIL"
    assert report["recheck"].ids == tuple(rows[:30].tolist())
    one = success.clone()
    one[rows[0]] = ~one[rows[0]]
    assert audit_stored(natural, digits.x, digits.y, threat, {"pgd": (images, one)})["recheck"].verdict == "WARN"


def test_clean_errors_counted_as_robust_are_found(natural, digits, threat, stored):
    images, success, wrong = stored
    report = audit_stored(natural, digits.x, digits.y, threat, {"pgd": (images, success & ~wrong)})
    assert report["fooled_clean"].verdict == "FAIL"
    assert report["fooled_clean"].ids == tuple(wrong.nonzero()[:, 0].tolist())
    assert report["recheck"].verdict == "OK"


def test_without_claims_two_checks_say_so(natural, digits, threat, stored):
    report = audit_stored(natural, digits.x, digits.y, threat, {"pgd": stored[0]})
    assert report["recheck"].verdict == report["fooled_clean"].verdict == "NOT RUN"
    assert "no claimed success" in report["recheck"].evidence


def test_success_that_rounding_undoes_is_found(natural, digits):
    """Images just beyond the boundary: rounding to 8 bits corrects them."""
    x, y = digits.x, digits.y
    threat = Threat("linf", 0.3)
    result = PGD(steps=40, loss="margin")(natural, x, Untargeted(y), threat, generator=generator(0, "t"))
    with torch.no_grad():
        right = natural(x).logits.argmax(1) == y
        low, high = torch.zeros(len(x)), torch.ones(len(x))
        for _ in range(22):  # bisect to the boundary on the way from x to its adversarial image
            middle = (low + high) / 2
            images = x + middle.reshape(-1, 1, 1, 1) * (result.adversarial - x)
            wrong = natural(images).logits.argmax(1) != y
            low, high = torch.where(wrong, low, middle), torch.where(wrong, middle, high)
        images = x + high.reshape(-1, 1, 1, 1) * (result.adversarial - x)
    rows = (result.success & right).nonzero()[:, 0]
    report = audit_stored(natural, x[rows], y[rows], threat, {"edge": images[rows]})
    assert report["ball"].verdict == "WARN", report["ball"].evidence
    assert "8-bit rounding, which corrects" in report["ball"].evidence


def test_stored_arrays_enter_the_minimum_over_attacks(natural, digits, threat, stored):
    weak = PGD(steps=1, step_size=0.001)
    plain = run_audit(natural, digits.x, digits.y, threat, attack=weak)
    with_stored = run_audit(natural, digits.x, digits.y, threat, attack=weak, stored={"pgd": stored[0]})
    assert "pgd (stored)" in with_stored.summary.attacks
    assert with_stored.summary.minimum.value < plain.summary.minimum.value
    assert with_stored.summary.robust == plain.summary.robust


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_overshoot_against_an_explicit_loop(norm):
    source = torch.Generator().manual_seed(0)
    x = torch.rand(6, 3, 4, 4, generator=source)
    images = (x + 0.2 * torch.rand(x.shape, generator=source)).clamp(0, 1.05)
    eps = {"linf": 0.1, "l2": 0.7, "l1": 4.0}[norm]
    order = {"linf": np.inf, "l2": 2, "l1": 1}[norm]
    for row, over in enumerate(overshoot(x, images, Threat(norm, eps)).tolist()):
        ball = np.linalg.norm((images[row].double() - x[row].double()).flatten().numpy(), order) - eps
        box = max(float(images[row].double().max()) - 1, 0 - float(images[row].double().min()))
        assert over == pytest.approx(max(ball, box), abs=1e-4)
        assert over <= max(ball, box)


def test_projected_float32_images_are_inside_at_small_eps():
    source = torch.Generator().manual_seed(0)
    x = torch.rand(50, 3, 32, 32, generator=source)
    for norm, eps in (("linf", 1 / 255), ("linf", 8 / 255), ("l2", 0.5), ("l1", 12.0)):
        threat = Threat(norm, eps)
        images = threat.project(x + torch.randn(x.shape, generator=source), x)
        assert (overshoot(x, images, threat) <= 0).all()
        beyond = (0.5 + 0.1 * (x - 0.5)) + 1.001 * (images - x) / threat.distance(x, images).reshape(-1, 1, 1, 1) * eps
        assert (overshoot(0.5 + 0.1 * (x - 0.5), beyond, threat) > 0).all()


def test_bytes_are_audited_as_the_floats_they_stand_for(natural, digits, threat):
    whole = (digits.x * 255).round().to(torch.uint8)
    x = whole.float() / 255
    result = PGD(steps=5)(natural, x, Untargeted(digits.y), threat, generator=generator(0, "bytes"))
    claim = {"pgd": (result.adversarial, result.success)}
    reports = [run_audit(natural, images, digits.y, threat, stored=claim, n=50) for images in (x, whole)]
    frames = [report.frame().drop(columns="seconds", errors="ignore") for report in reports]
    assert frames[0].equals(frames[1])
    stored = [audit_stored(natural, images, digits.y, threat, claim).frame() for images in (x, whole)]
    assert stored[0].equals(stored[1])
