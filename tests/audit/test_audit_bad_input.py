"""Wrong calls raise and name the argument; faulty models become verdicts."""

import defences
import pytest
import torch
from audit_cases import QUICK, cheap

from tla.attacks import PGD
from tla.audit import CHECKS, audit_stored, plain, run_audit
from tla.audit.base import Verdict, checks_of


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"x": torch.rand(0, 1, 8, 8), "y": torch.zeros(0, dtype=torch.int64)},
            "x must be a batch of at least one image",
        ),
        ({"x": torch.zeros(5, 1, 8, 8, dtype=torch.int32)}, r"must be floating-point images .* got torch.int32"),
        ({"y": torch.zeros(5)}, r"y must be class indices: whole numbers of shape \(n,\), got torch.float32"),
        ({"y": torch.zeros(4, dtype=torch.int64)}, r"y must be class indices .* got torch.int64 of shape \(4,\)"),
        ({"y": -torch.ones(5, dtype=torch.int64)}, r"y must be class indices >= 0"),
        ({"ids": torch.arange(4)}, r"ids must name each of the 5 images, got shape \(4,\)"),
        ({"n": 0}, r"n must be >= 1, got 0"),
        ({"batch": 0}, r"batch must be >= 1, got 0"),
        ({"stored": {"pgd": torch.rand(4, 1, 8, 8)}}, r"stored\['pgd'\] must have one image per row of x"),
        ({"stored": {"pgd": (torch.rand(5, 1, 8, 8), [True])}}, r"stored\['pgd'\]: success must have shape \(5,\)"),
    ],
)
def test_a_wrong_call_is_refused(change, text, natural, digits, threat):
    settings = {"x": digits.x[:5], "y": digits.y[:5]} | change
    with pytest.raises(ValueError, match=text):
        run_audit(natural, threat=threat, **settings)


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="level must be one of quick, standard, long, got 'deep'"):
        checks_of("deep")


def test_nothing_stored_is_refused(natural, digits, threat):
    with pytest.raises(ValueError, match="stored must hold at least one array"):
        audit_stored(natural, digits.x, digits.y, threat, {})


def test_a_label_without_a_logit_is_named(natural, digits, threat):
    y = digits.y[:20].clone()
    y[3] = 12
    report = run_audit(natural, digits.x[:20], y, threat, attack=QUICK)
    assert report["logits"].verdict == "FAIL"
    assert "the model has 10 classes, labels reach 12" in report["logits"].evidence
    assert report["logits"].ids == (3,)


@pytest.mark.parametrize("defence", [defences.Raising, defences.WrongShape, defences.NotANumber])
@pytest.mark.parametrize("level", ["quick", "long"])
def test_an_unusable_model_is_one_failure_and_the_rest_is_not_run(defence, level, sound, digits, threat):
    report = run_audit(defence(sound), digits.x, digits.y, threat, level=level)
    assert report["logits"].verdict == "FAIL"
    assert report.overall == "FAIL"
    others = {v.verdict for v in report.verdicts if v.check not in ("logits", "eval_mode")}
    assert others == {"NOT RUN"}, plain(report)
    assert report.summary.robust is None
    assert all(verdict.evidence for verdict in report.verdicts)


def test_a_model_of_neither_tensor_nor_pair_is_named(sound, digits, threat):
    class Wrong(defences.Wrapped):
        def forward(self, x):
            return {"logits": self.model(x).logits}

    report = run_audit(Wrong(sound), digits.x[:20], digits.y[:20], threat, attack=QUICK)
    assert "must return logits, a pair (logits, embedding)" in report["logits"].evidence


def test_a_pair_and_bare_logits_give_the_verdicts_of_outputs(sound, digits, threat):
    class Pair(defences.Wrapped):
        def forward(self, x):
            outputs = self.model(x)
            return outputs.logits, outputs.embedding

    reports = [
        run_audit(model, digits.x[:50], digits.y[:50], threat, attack=QUICK)
        for model in (sound, Pair(sound), defences.LogitsOnly(sound))
    ]
    for report in reports[1:]:
        assert report.verdicts[1:] == reports[0].verdicts[1:]


def test_a_check_that_raises_does_not_stop_the_others(monkeypatch, natural, digits, threat):
    def broken(self, context):
        raise ZeroDivisionError("by design")

    monkeypatch.setattr(CHECKS.get("recheck"), "__call__", broken)
    report = run_audit(natural, digits.x[:20], digits.y[:20], threat, attack=QUICK)
    assert report["recheck"] == Verdict(
        check="recheck",
        number=CHECKS.get("recheck").number,
        verdict="NOT RUN",
        evidence="ZeroDivisionError: by design",
        advice="The model or the attack raised this; fix it and run the audit again.",
    )
    assert report["fooled_clean"].verdict == "OK"


@pytest.mark.parametrize("eps", [0.0, torch.full((20,), 0.1)])
def test_eps_zero_and_one_eps_per_image(eps, natural, digits, threat):
    from dataclasses import replace

    report = run_audit(natural, digits.x[:20], digits.y[:20], replace(threat, eps=eps), attack=QUICK, checks=cheap())
    assert not [verdict for verdict in report.verdicts if verdict.evidence.startswith(("ValueError", "RuntimeError"))]
    assert report["ball"].verdict == "OK"


@pytest.mark.parametrize("norm", ["l2", "l1"])
@pytest.mark.more
def test_other_norms(norm, natural, digits, threat):
    from tla.threat import Threat

    eps = {"l2": 0.6, "l1": 3.0}[norm]
    report = run_audit(natural, digits.x[:40], digits.y[:40], Threat(norm, eps), attack=QUICK, checks=cheap())
    assert report["ball"].verdict == "OK", plain(report)
    assert report.summary.minimum.value < report.summary.clean.value


def test_one_image_and_an_attack_of_few_settings(natural, digits, threat):
    report = run_audit(natural, digits.x[:1], digits.y[:1], threat, attack=defences.Noise(), checks=cheap())
    assert report["monotone_eps"].evidence == "Noise has no setting steps"
    assert report["silent_success"].evidence == "Noise does not report its steps"
    assert report["doubling"].evidence == "Noise has neither steps nor restarts to double"


def test_the_attack_name_and_settings_are_stated(natural, digits, threat):
    report = run_audit(natural, digits.x[:5], digits.y[:5], threat, attack=PGD(steps=7, step_size=0.02))
    assert report.summary.attack == "pgd (steps=7, step_size=0.02)"
    assert (report.summary.steps, report.summary.step_size, report.summary.restarts) == (7, 0.02, 1)
