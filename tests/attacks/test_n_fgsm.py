"""N-FGSM: its formula, that it measures nothing, and that training by it is watched."""

import dataclasses

import numpy as np
import pytest
import torch
from attack_cases import trained_on_digits

from tla.attacks import ATTACKS, FGSM, PGD, Untargeted, evaluate, transfer
from tla.attacks.base import evaluation_attacks
from tla.attacks.n_fgsm import NFGSM
from tla.attacks.search.loop import one_step
from tla.audit import run_audit
from tla.data import SOURCES
from tla.models.small_cnn import SmallCNN
from tla.seeding import generator
from tla.study.config import AttackPlan
from tla.threat import Threat
from tla.training import METHODS, CollapsedError, TrainConfig, loop, train
from tla.training.one_step import collapsed_from, is_watched
from tla.training.validation import Validation

THREAT = Threat("linf", 0.1)


def test_it_is_the_formula_of_the_paper():
    model, x, y = trained_on_digits()
    x, y = x[:8], y[:8]
    found = NFGSM(share=1.25, noise=2.0)(model, x, Untargeted(y), THREAT, generator=generator(3, "n")).adversarial
    noise = torch.rand(x.shape, generator=generator(3, "n"))
    start = (x + 0.2 * (2 * noise - 1)).clamp(0, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(model(start).logits, y, reduction="sum"), start)
    torch.testing.assert_close(found, (start.detach() + 0.125 * gradient.sign()).clamp(0, 1), rtol=0, atol=1e-6)
    assert ((found >= 0) & (found <= 1)).all()
    assert (THREAT.distance(x, found) > 0.1 + 1e-6).all()


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_without_noise_it_is_fgsm(norm):
    model, x, y = trained_on_digits()
    threat = Threat(norm, {"linf": 0.1, "l2": 1.0, "l1": 5.0}[norm])
    ours = NFGSM(noise=0.0)(model, x[:8], Untargeted(y[:8]), threat, generator=generator(0, "n"))
    theirs = FGSM()(model, x[:8], Untargeted(y[:8]), threat)
    # the box may cut the step shorter, and L1's projection then spends the rest elsewhere
    inside = (threat.distance(x[:8], theirs.adversarial) <= threat.eps * 1.001) & (norm != "l1")
    torch.testing.assert_close(ours.adversarial[inside], theirs.adversarial[inside], rtol=0, atol=1e-6)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match=r"noise must be >= 0, got -1\.0"):
        NFGSM(noise=-1.0)
    with pytest.raises(ValueError, match="share must be > 0, got 0"):
        NFGSM(share=0.0)
    with pytest.raises(ValueError, match="steps"):
        ATTACKS.build("n-fgsm", steps=7)


def test_it_measures_nothing():
    model, x, y = trained_on_digits()
    attack, words = NFGSM(), "n-fgsm leaves the ball.*train.attack alone"
    assert "n-fgsm" in ATTACKS.names()
    assert "n-fgsm" not in evaluation_attacks()
    with pytest.raises(ValueError, match=f"mine: {words}"):
        evaluate(model, x[:4], y[:4], {"mine": attack}, THREAT)
    with pytest.raises(ValueError, match=words):
        transfer({"a": model, "b": model}, x[:4], y[:4], attack, THREAT)
    with pytest.raises(ValueError, match=words):
        run_audit(model, x[:4], y[:4], THREAT, attack=attack)
    with pytest.raises(ValueError, match=f"attack.suite.pgd: {words}"):
        AttackPlan(suite={"pgd": attack})


def test_the_command_line_refuses_it(capsys):
    from tla.cli import main

    assert main(["attack", "digits/at", "--attacks", "n-fgsm"]) == 1
    assert "--attacks n-fgsm: n-fgsm leaves the ball" in capsys.readouterr().err


def test_one_step_attacks_are_known():
    steps = {name: one_step(ATTACKS.build(name)) for name in ATTACKS.names()}
    assert [name for name, single in steps.items() if single] == ["fgsm", "n-fgsm", "rfgsm"]
    assert one_step(PGD(steps=1))


CONFIG = TrainConfig(
    epochs=3, batch=100, eps=0.1, learning_rate=4e-3, holdout=200, attack=NFGSM(), judge=PGD(steps=4), judge_every=9
)


@pytest.mark.parametrize("method", ["at", "alp", "tla", "tla-rn", "tla-sa", "trades"])
def test_every_method_trains_with_it(method, tmp_path):
    images = SOURCES.build("digits").load().train
    result = train(SmallCNN(width=8, embedding=32), images, METHODS.build(method), CONFIG, seed=0, folder=tmp_path)
    assert np.isfinite(result.history["loss"]).all()
    if method != "trades":  # whose attack is its own
        assert result.history["robust_accuracy"].notna().all(), "one-step training is judged after every epoch"


def test_a_judge_that_leaves_the_ball_is_refused(tmp_path):
    config = dataclasses.replace(CONFIG, judge=NFGSM())
    images = SOURCES.build("digits").load().train
    with pytest.raises(ValueError, match=r"train\.judge: n-fgsm leaves the ball"):
        train(SmallCNN(width=8), images, METHODS.build("at"), config, seed=0, folder=tmp_path)


def test_who_is_watched():
    several = dataclasses.replace(CONFIG, attack=PGD(steps=3))
    assert is_watched(METHODS.build("at"), CONFIG)
    assert is_watched(METHODS.build("fast"), several)
    assert not is_watched(METHODS.build("at"), several)
    assert not is_watched(METHODS.build("natural"), CONFIG)
    assert not is_watched(METHODS.build("at"), dataclasses.replace(CONFIG, holdout=0, select=False))


@pytest.mark.parametrize(
    ("clean", "robust", "collapsed"),
    [
        (0.70, 0.01, True),
        (0.60, 0.19, True),
        (0.60, 0.21, False),
        (0.30, 0.11, False),  # clean accuracy fell as far: no collapse of this kind
        (0.70, float("nan"), False),
    ],
)
def test_what_a_collapse_is(clean, robust, collapsed):
    history = [
        {"epoch": 0, "clean_accuracy": 0.4, "robust_accuracy": 0.2},
        {"epoch": 1, "clean_accuracy": 0.6, "robust_accuracy": 0.4},
        {"epoch": 2, "clean_accuracy": 0.6, "robust_accuracy": 0.3},
    ]
    found = collapsed_from(history, Validation(clean, robust))
    assert (found is not None) == collapsed
    assert found is None or found["epoch"] == 1
    assert collapsed_from(history[:0], Validation(clean, robust)) is None
    assert collapsed_from([{"epoch": 0, "clean_accuracy": 0.4, "robust_accuracy": 0.1}], Validation(0.5, 0.0)) is None


def test_a_collapse_stops_the_run_and_keeps_the_epoch_before(tmp_path, monkeypatch):
    images, scores = SOURCES.build("digits").load().train, [(0.5, 0.3), (0.6, 0.4), (0.7, 0.02)]

    calls = []

    def judged(*_):
        calls.append(None)
        return Validation(*scores[len(calls) - 1], 1.0, 0.1)

    monkeypatch.setattr(loop, "validate", judged)
    words = r"collapsed in epoch 2: .*was 40.0% in epoch 1 and is 2.0%, clean 70.0%.*keeps epoch 1"
    with pytest.raises(CollapsedError, match=words):
        train(SmallCNN(width=8, embedding=32), images, METHODS.build("at"), CONFIG, seed=0, folder=tmp_path)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
    calls.pop()  # resumed after epoch 1
    with pytest.raises(CollapsedError, match=words):
        train(SmallCNN(width=8, embedding=32), images, METHODS.build("at"), CONFIG, seed=0, folder=tmp_path)
    assert len(calls) == 3
