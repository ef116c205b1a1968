"""Attacks on the embedding and on the detector; AutoAttack; black boxes."""

import defences
import pytest
import torch
from audit_cases import QUICK

from tla.attacks import PGD
from tla.audit.checks.autoattack import AutoAttackFindsNoMore
from tla.audit.checks.blackbox_weaker import BlackboxWeaker
from tla.audit.checks.representation import Representation
from tla.audit.checks.transfer_matrix import TransferMatrix
from tla.audit.context import Context
from tla.audit.snapshot import snapshot
from tla.audit.variants import CannotRunError
from tla.representation.detectors import DETECTORS
from tla.threat import Threat
from tla.types import Outputs

HIDDEN = 0.02


class HiddenLogits(defences.Wrapped):
    """Logits with a masked gradient over an embedding that still has one."""

    def forward(self, x):
        outputs = self.model(x)
        return Outputs((outputs.logits / HIDDEN).round() * HIDDEN, outputs.embedding)


@pytest.fixture
def prepare(sound, digits, threat):
    def make(model=sound, attack=None, n=80, **settings):
        rows = torch.arange(n)
        return Context(
            original=model,
            before=snapshot(model),
            x=digits.x[:n],
            y=digits.y[:n],
            ids=rows,
            rows=rows,
            attack=attack or QUICK,
            **{"threat": threat, **settings},
        )

    return make


def test_the_embedding_gives_nothing_more_on_a_sound_model(prepare):
    said = Representation()(prepare())
    assert said.verdict == "OK"
    assert "no detector was given" in said.evidence


def test_the_embedding_breaks_what_masked_logits_hide(prepare, sound):
    here = prepare(HiddenLogits(sound))
    said = Representation()(here)
    assert said.verdict == "FAIL", said.evidence
    assert set(said.ids) <= set(here.names(here.survivors))


def test_a_detector_that_falls_to_an_adaptive_attacker_is_told(prepare, sound):
    from tla.data import SOURCES

    train = SOURCES.build("digits").load().train
    with torch.no_grad():
        natural = sound(train.floats())
    score = DETECTORS.build("gaussian_diagonal").fit(natural.embedding, natural.logits, train.labels)
    confident = PGD(steps=20, loss="ce", pursuit="all_steps")
    here = prepare(detector=score, attack=confident, threat=Threat("linf", 0.3))
    said = Representation()(here)
    assert "an attacker who knows the detector" in said.evidence
    assert said.verdict == "FAIL", said.evidence
    assert "adaptive" in said.advice
    assert set(said.ids) <= set(here.names(here.correct))


def test_a_detector_that_sees_everything_stands(prepare):
    here = prepare(detector=lambda outputs: torch.arange(float(len(outputs.logits))) * 0 + 1)
    assert Representation()(here).verdict == "OK"


def test_transfer_beats_a_masked_gradient(prepare, sound):
    here = prepare(defences.Quantised(sound), sources={"same without rounding": sound})
    said = TransferMatrix()(here)
    assert said.verdict == "FAIL"
    assert "fool" in said.evidence
    assert "The gradient of this model is masked" in said.advice


def test_transfer_needs_sources(prepare):
    with pytest.raises(CannotRunError, match="no other models were given"):
        TransferMatrix()(prepare())


def test_a_black_box_finds_what_a_masked_gradient_hides(prepare, sound):
    pytest.importorskip("pyautoattack")
    said = BlackboxWeaker(queries=150)(prepare(defences.Quantised(sound)))
    assert said.verdict == "FAIL"
    assert said.evidence.endswith("transfer did not run (no other models were given (sources) to transfer from)")


def test_a_black_box_that_is_missing_is_told(prepare, monkeypatch):
    import tla.attacks.square as module

    def absent(name, why):
        raise ModuleNotFoundError(f"{why} needs the package {name!r}: pip install it")

    monkeypatch.setattr(module, "require", absent)
    with pytest.raises(
        CannotRunError, match=r"Square did not run \(Square needs the package .*\); transfer did not run"
    ):
        BlackboxWeaker()(prepare())


@pytest.mark.peers
def test_autoattack_lists_what_it_breaks_beyond(prepare):
    pytest.importorskip("pyautoattack")
    here = prepare(attack=PGD(steps=2, step_size=0.002), n=20, threat=Threat("linf", 0.3))
    said = AutoAttackFindsNoMore()(here)
    assert said.verdict == "FAIL"
    assert "AutoAttack broke" in said.evidence
    assert set(said.ids) == set(here.names(here.broken["autoattack"] & here.survivors))
