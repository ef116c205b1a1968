"""The attack and the checks that most audit tests use."""

from tla.attacks import PGD
from tla.audit.base import Check, checks_of
from tla.audit.checks.blackbox_weaker import BlackboxWeaker

QUICK = PGD(steps=40, loss="margin")


def cheap() -> list[Check]:
    """All checks of the standard level but Square's, which takes longer than all others together."""
    return [check() for check in checks_of("standard") if check is not BlackboxWeaker]
