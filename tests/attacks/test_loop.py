"""The owned loop: what it returns, and what it leaves alone."""

import pytest
import torch

from tla.attacks import PGD, Recorder, Untargeted
from tla.seeding import generator
from tla.threat import Threat


def attack(digits, threat=None, n=60, seed=0, on_step=None, **parameters):
    source = generator(seed, "test")
    threat = threat or Threat("linf", 0.1)
    goal = Untargeted(digits.y[:n])
    return PGD(**parameters)(digits.model, digits.x[:n], goal, threat, generator=source, on_step=on_step)


def test_verdict_is_that_of_the_returned_image(digits):
    for pursuit in ("until_reached", "all_steps", "last_step"):
        result = attack(digits, steps=7, pursuit=pursuit)
        wrong = digits.model(result.adversarial).logits.argmax(1) != digits.y[:60]
        assert torch.equal(result.success, wrong)
        assert 0 < int(wrong.sum()) < 60


def test_one_step_moves(digits):
    result = attack(digits, steps=1, random_start=False, step_size=0.1)
    assert torch.allclose(result.distance, torch.tensor(0.1), atol=1e-6)


def test_recorder_sees_every_step(digits):
    recorder = Recorder(images=True)
    result = attack(digits, steps=4, pursuit="all_steps", on_step=recorder)
    seen = recorder.trajectory()
    assert seen.step.tolist() == [step for step in range(5) for _ in range(60)]
    assert seen.embedding.dtype == torch.bfloat16
    best = seen.value.reshape(5, 60).amax(0)
    assert torch.equal(result.success, seen.success.reshape(5, 60).any(0))
    assert torch.allclose(result.value[~result.success], best[~result.success])


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"restarts": 0}, "restarts must be >= 1, got 0"),
        ({"step_size": -0.1}, "step_size must be > 0"),
        ({"restarts": 2, "random_start": False}, "restarts=2 without random_start would repeat the same search"),
    ],
)
def test_bad_parameters_are_named(parameters, text):
    with pytest.raises(ValueError, match=text):
        PGD(**parameters)
