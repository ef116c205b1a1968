"""Every registered check keeps the contract; it accepts a short new check and rejects faulty ones with advice."""

from dataclasses import dataclass

import pytest
import torch
from check_contract import AUDIT_CHECK_CHECKS, check_audit_check, passes_a_sound_evaluation

from tla.audit.base import CHECKS, Check
from tla.statistics.exact import exceeds

LONG = [name for name in CHECKS.names() if CHECKS.get(name).level == "long"]


def cases():
    for holds in AUDIT_CHECK_CHECKS:
        for name in CHECKS.names():
            evaluates = name in LONG and holds is passes_a_sound_evaluation
            marks = (pytest.mark.slow, pytest.mark.more) if evaluates else ()
            yield pytest.param(name, holds, id=f"{holds.__name__}-{name}", marks=marks)


@pytest.mark.parametrize(("name", "holds"), list(cases()))
def test_contract(name, holds):
    holds(name)


@pytest.fixture
def registered(monkeypatch):
    """Register a check for one test."""
    CHECKS.names()
    monkeypatch.setattr(CHECKS, "_items", dict(CHECKS._items))
    return lambda cls: CHECKS.register("new")(cls)


@dataclass(frozen=True, kw_only=True)
class Brightness(Check):
    """Predictions do not change with the brightness.

    FAIL: more than 1 % of the images, with 95 % confidence, change their class. Source: none.

    Args:
        factor: Of the brightness, in (0, 1].
    """

    number = 99
    title = "brightness"
    level = "quick"
    factor: float = 0.99

    def __call__(self, context):
        """FAIL if predictions change."""
        changed = context.predictions(context.x * self.factor) != context.clean.logits.argmax(1)
        count = int(changed.sum())
        word = "FAIL" if exceeds(count, context.n) else "OK"
        evidence = f"{count} of {context.n} predictions change at {self.factor:g} of the brightness"
        return self.say(context, word, evidence, "Train with other brightnesses.", changed)


class Unexplained(Brightness):
    """FAIL: never. Source: none."""


class Unsourced(Brightness):
    """FAIL: never."""


class Taken(Brightness):
    __doc__ = Brightness.__doc__
    number = 1


class Alarmed(Brightness):
    __doc__ = Brightness.__doc__

    def __call__(self, context):
        return self.say(context, "FAIL", "nobody is safe", "Do not use models.")


class Advising(Brightness):
    __doc__ = Brightness.__doc__

    def __call__(self, context):
        return super().say(context, "WARN" if context.n == 1 else "OK", "all is well")


class Random(Brightness):
    __doc__ = Brightness.__doc__

    def __call__(self, context):
        return self.say(context, "OK", f"{torch.seed()} is a random number")


class Careless(Brightness):
    __doc__ = Brightness.__doc__

    def __call__(self, context):
        return self.say(context, "OK", f"the attack takes {context.attack.steps} steps")


def test_a_short_new_check_passes(registered):
    registered(Brightness)
    check_audit_check("new")


@pytest.mark.parametrize(
    ("faulty", "advice"),
    [
        (Unexplained, "explain factor under Args"),
        (Unsourced, "cite a source"),
        (Taken, "number 1 is taken by eval_mode"),
        (Alarmed, "a sound evaluation must pass, got FAIL"),
        (Advising, "with one image: new: give advice"),
        (Random, "take random numbers from context.source"),
        (Careless, "an attack without settings: new raised AttributeError"),
    ],
)
def test_a_faulty_check_is_rejected_with_advice(faulty, advice, registered):
    registered(faulty)
    with pytest.raises(AssertionError, match=advice):
        check_audit_check("new")
