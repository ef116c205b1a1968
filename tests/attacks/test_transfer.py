"""Adversarial images of one model, shown to others."""

import pytest
import torch
from attack_cases import Linear

from tla.attacks import FGSM, PGD, Untargeted, transfer, transfer_matrix
from tla.seeding import generator
from tla.threat import Threat


def models():
    """Two linear models that use different pixels, and a copy of the first."""
    weight = torch.randn(3, 10, generator=generator(0, "w"))
    left, right = weight.clone(), weight.clone()
    left[:, 5:], right[:, :5] = 0, 0
    return {
        "left": Linear(left, torch.zeros(3)),
        "right": Linear(right, torch.zeros(3)),
        "twin": Linear(left, torch.zeros(3)),
    }


def test_against_a_loop():
    known = models()
    x = torch.rand(12, 10, generator=generator(0, "x"))
    y = known["left"](x).logits.argmax(1)
    threat = Threat("linf", 0.3)
    frame = transfer(known, x, y, FGSM(loss="margin"), threat, batch=5, precision="fp32")
    assert len(frame) == 9 * 12
    for source, model in known.items():
        images = FGSM(loss="margin")(model, x, Untargeted(y), threat).adversarial
        for target, other in known.items():
            rows = frame[(frame.source == source) & (frame.target == target)]
            clean, attacked = other(x).logits.argmax(1), other(images).logits.argmax(1)
            assert rows.prediction.tolist() == attacked.tolist()
            assert rows.success.tolist() == ((clean != y) | (attacked != y)).tolist()
    matrix = transfer_matrix(frame)
    assert matrix.loc["left", "twin"] == matrix.loc["left", "left"] == matrix.loc["twin", "left"]
    assert matrix.loc["left", "left"] < matrix.loc["right", "left"] == 1.0


def test_progress_is_that_of_every_batch_of_every_source():
    x, seen = torch.rand(12, 10, generator=generator(0, "x")), []
    y = models()["left"](x).logits.argmax(1)
    transfer(models(), x, y, FGSM(), Threat("linf", 0.3), batch=5, progress=seen.append)
    assert [now.done for now in seen] == [5, 10, 15, 20, 25, 30, 32, 34, 36]
    assert [now.source for now in seen] == ["left", "right", "twin"] * 3
    assert (seen[-1].share, seen[-1].text) == (1.0, "images made on twin")


def test_attacks_take_all_steps(digits, monkeypatch):
    seen = []

    def spy(self, *arguments, **others):
        seen.append(self.pursuit)
        return original(self, *arguments, **others)

    original = PGD.__call__
    monkeypatch.setattr(PGD, "__call__", spy)
    transfer({"a": digits.model}, digits.x[:4], digits.y[:4], PGD(steps=2), Threat("linf", 0.2))
    assert seen == ["all_steps"]


def test_bad_input_is_named(digits):
    with pytest.raises(ValueError, match="there is no model to transfer from"):
        transfer({}, digits.x, digits.y, PGD(), Threat())
    with pytest.raises(ValueError, match="batch must be >= 1, got 0"):
        transfer({"a": digits.model}, digits.x, digits.y, PGD(), Threat(), batch=0)
