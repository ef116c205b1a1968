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
    found = Representation()(prepare())
    assert found.verdict == "OK"
    assert "no detector was given" in found.evidence


def test_the_embedding_breaks_what_masked_logits_hide(prepare, sound):
    here = prepare(HiddenLogits(sound))
    found = Representation()(here)
    assert found.verdict == "FAIL", found.evidence
    assert set(found.ids) <= set(here.names(here.survivors))


def test_a_detector_that_an_adaptive_attacker_evades_fails(prepare, sound):
    from tla.data import SOURCES

    train = SOURCES.build("digits").load().train
    with torch.no_grad():
        natural = sound(train.floats())
    score = DETECTORS.build("gaussian_diagonal").fit(natural.embedding, natural.logits, train.labels)
    confident = PGD(steps=20, loss="ce", pursuit="all_steps")
    here = prepare(detector=score, attack=confident, threat=Threat("linf", 0.3))
    found = Representation()(here)
    assert "an attacker who knows the detector" in found.evidence
    assert found.verdict == "FAIL", found.evidence
    assert "adaptive" in found.advice
    assert set(found.ids) <= set(here.names(here.correct))


def test_a_detector_that_flags_everything_passes(prepare):
    here = prepare(detector=lambda outputs: torch.arange(float(len(outputs.logits))) * 0 + 1)
    assert Representation()(here).verdict == "OK"


def test_transfer_beats_a_masked_gradient(prepare, sound):
    here = prepare(defences.Quantised(sound), sources={"same without rounding": sound})
    found = TransferMatrix()(here)
    assert found.verdict == "FAIL"
    assert "fool" in found.evidence
    assert "The gradient of this model is masked" in found.advice


def test_transfer_needs_sources(prepare):
    with pytest.raises(CannotRunError, match="no other models"):
        TransferMatrix()(prepare())


def test_a_black_box_finds_what_a_masked_gradient_hides(prepare, sound):
    pytest.importorskip("pyautoattack")
    found = BlackboxWeaker(queries=150)(prepare(defences.Quantised(sound)))
    assert found.verdict == "FAIL"
    assert found.evidence.endswith("transfer did not run (no other models (sources) were given to transfer from)")


def test_a_missing_black_box_is_named(prepare, monkeypatch):
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
    found = AutoAttackFindsNoMore()(here)
    assert found.verdict == "FAIL"
    assert "AutoAttack broke" in found.evidence
    assert set(found.ids) == set(here.names(here.broken["autoattack"] & here.survivors))
