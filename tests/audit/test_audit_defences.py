"""Each broken defence trips the check that names its fault."""

import defences
import pytest
import torch
from audit_cases import QUICK, cheap

from tla.attacks import ATTACKS, PGD
from tla.audit import CHECKS, plain, run_audit
from tla.threat import Threat


def audit(model, digits, threat, attack=QUICK, **settings):
    torch.manual_seed(0)  # random defences use torch's global generator
    return run_audit(model, digits.x, digits.y, threat, attack=attack, **settings)


BROKEN = {
    "quantised input": (defences.Quantised, "zero_gradient", "FAIL", "zero or NaN gradient for"),
    "gradient cut": (defences.Detached, "zero_gradient", "FAIL", "zero or NaN gradient for"),
    "dead relu": (defences.DeadReLU, "zero_gradient", "FAIL", "zero or NaN gradient for"),
    "softmax output": (defences.Softmax, "logits", "FAIL", "these are probabilities"),
    "temperature 100": (defences.Temperature, "zero_gradient", "WARN", "under cross-entropy"),
    "random resize": (defences.RandomResize, "deterministic", "FAIL", "repeated forward passes differ"),
    "dropout left on": (defences.Dropout, "eval_mode", "FAIL", "in training mode: layer"),
    "batch statistics": (defences.BatchStatistics, "deterministic", "FAIL", "the other images in the batch"),
    "adapting": (defences.Adapting, "eval_mode", "FAIL", "changed the model: shift"),
    "normalised twice": (defences.NormalisedTwice, "inputs", "WARN", "2 modules normalise"),
    "nan": (defences.NotANumber, "logits", "FAIL", "NaN or infinite for"),
    "wrong shape": (defences.WrongShape, "logits", "FAIL", "must have shape (200, classes >= 2), got (200, 10, 8, 8)"),
    "raising": (defences.Raising, "logits", "FAIL", "raises RuntimeError: mat1 and mat2"),
}
ALSO = {
    # Checks that may trip as well: randomness and batch statistics spoil every later number.
    "random resize": {"recheck", "silent_success", "incomplete", "monotone_eps", "iterative_beats_single", "ball"},
    "batch statistics": {"recheck", "silent_success"},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_defence_trips_the_right_check_and_no_wrong_one(name, sound, digits, threat):
    defence, check, word, evidence = BROKEN[name]
    report = audit(defence(sound), digits, threat)
    assert report[check].verdict == word, plain(report)
    assert evidence in report[check].evidence
    assert report[check].advice
    tripped = {verdict.check for verdict in report.verdicts if verdict.tripped}
    assert tripped - ALSO.get(name, set()) == {check}, plain(report)
    assert report.overall == word


def test_dropout_that_stays_on_is_random(sound, digits, threat):
    report = audit(defences.Dropout(sound, always=True), digits, threat)
    assert report["deterministic"].verdict == "FAIL"


@pytest.mark.more
def test_masked_gradients_fail_noise_and_unbounded_too(sound, digits, threat):
    report = audit(defences.Quantised(sound), digits, threat, checks=cheap())
    assert report.summary.robust.value > 0.9
    for check in ("unbounded", "random_noise"):
        assert report[check].verdict == "FAIL", plain(report)
    assert report.summary.minimum.value < report.summary.robust.value
    assert set(report["random_noise"].ids) <= set(range(500))


@pytest.mark.more
def test_temperature_fails_if_the_attack_climbs_cross_entropy(sound, digits, threat):
    report = audit(defences.Temperature(sound), digits, threat, attack=PGD(steps=40, loss="ce"), checks=cheap())
    assert report["zero_gradient"].verdict == "FAIL"
    assert "margin" in report["zero_gradient"].advice
    assert report["loss_swap"].verdict == "FAIL", plain(report)


@pytest.mark.parametrize(
    ("attack", "checks"),
    [
        (PGD(steps=3, step_size=0.1 / 30, loss="margin"), {"incomplete", "monotone_eps", "iterative_beats_single"}),
        (ATTACKS.build("fgsm"), {"incomplete"}),
        (defences.Overwriting(), {"silent_success", "iterative_beats_single"}),
        (defences.Noise(), {"iterative_beats_single"}),
    ],
    ids=["too few steps", "one step", "overwritten", "noise"],
)
def test_a_poor_attack_trips_the_right_checks(attack, checks, sound, digits, threat):
    report = audit(sound, digits, threat, attack=attack)
    assert {verdict.check for verdict in report.verdicts if verdict.tripped} == checks, plain(report)


def test_small_steps_are_found_by_every_check_of_effort(sound, digits, threat):
    report = audit(sound, digits, threat, attack=PGD(steps=10, step_size=0.1 / 30), checks=cheap())
    for check in ("incomplete", "iterative_beats_single", "doubling", "loss_swap", "step_size"):
        assert report[check].verdict == "FAIL", plain(report)


def test_an_attack_that_leaves_the_ball_breaks_nothing(sound, digits, threat):
    report = audit(sound, digits, threat, attack=defences.TooFar())
    assert report["ball"].verdict == "FAIL"
    assert "are outside the ball or the box, by up to 0.1" in report["ball"].evidence
    assert len(report["ball"].ids) > 100
    assert report.summary.robust.value == report.summary.clean.value


@pytest.mark.more
def test_shattered_gradients_show_in_noise_around_the_images(sound, digits, threat):
    report = audit(defences.Steep(sound), digits, threat, checks=cheap())
    assert report["instability"].verdict in ("WARN", "FAIL"), plain(report)
    assert report["unbounded"].verdict == "FAIL"


def test_images_normalised_before_the_model_leave_the_box(sound, digits, threat):
    report = run_audit(sound, (digits.x - 0.3) / 0.4, digits.y, threat, attack=QUICK)
    assert report["inputs"].verdict == "FAIL"
    assert "are outside the declared box [0, 1]" in report["inputs"].evidence
    assert report["ball"].verdict == "NOT RUN"


def test_images_divided_by_255_twice_hardly_use_the_box(sound, digits, threat):
    report = run_audit(sound, digits.x / 255, digits.y, threat, attack=QUICK)
    assert report["inputs"].verdict == "WARN"


def test_a_missing_normalisation_is_named(sound, digits, threat):
    class ExpectsNormalised(defences.Wrapped):
        def forward(self, x):
            return self.model((x * 0.3081 + 0.1307) * (x.amax() > 1) + (1 - x) * (x.amax() <= 1))

    report = run_audit(ExpectsNormalised(sound), digits.x, digits.y, threat, attack=QUICK)
    assert report["inputs"].verdict == "WARN"
    assert "applying a normalisation (MNIST's constants) raises clean accuracy" in report["inputs"].evidence


def test_more_steps_are_not_asked_for_where_no_image_is_left(sound, digits):
    """An attack whose last steps still fool images is complete once none survives: 0 % cannot be lowered."""
    incomplete, attack = [CHECKS.build("incomplete")], PGD(steps=4, step_size=0.15)
    report = audit(sound, digits, Threat("linf", 0.6), attack=attack, checks=incomplete)
    assert report.summary.robust.value == 0
    assert report["incomplete"].verdict == "OK", plain(report)
    assert "no image survives pgd" in report["incomplete"].evidence
