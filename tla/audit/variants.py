"""The attack under audit, with other settings."""

import dataclasses
from typing import Any

from tla.attacks import Attack
from tla.attacks.goals import Surrogate
from tla.attacks.search.loop import FirstOrder


class CannotRunError(Exception):
    """A check cannot run; the message says what is missing."""


def setting(attack: Attack, name: str, default: Any = None) -> Any:
    """One of an attack's settings; `default` if it has no such setting."""
    return getattr(attack, name) if name in settings(attack) else default


def settings(attack: Attack) -> tuple[str, ...]:
    """Names of an attack's settings."""
    return tuple(item.name for item in dataclasses.fields(attack))


def vary(attack: Attack, **changes: Any) -> Attack:
    """The same attack with other settings.

    Raises:
        CannotRunError: if the attack has no such settings.
    """
    missing = sorted(set(changes) - set(settings(attack)))
    if missing:
        raise CannotRunError(f"{type(attack).__name__} has no setting {', '.join(missing)}")
    return dataclasses.replace(attack, **changes)


def loss_of(attack: Attack) -> Surrogate:
    """The loss that an attack climbs first; "ce" if it names none."""
    if isinstance(attack, FirstOrder):
        return attack.plan().phases[0].loss or "ce"
    return setting(attack, "loss") or "ce"
