"""What stands in a study's list of methods: a method, or a variant of one, "tla@pool=250,train.epochs=9"."""

import re
from typing import Any, NamedTuple

from tla.config import plain_value
from tla.messages import did_you_mean

PARTS = ("train", "model")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_KNOB = re.compile(r"(?:(?:train|model)\.)?[A-Za-z_][A-Za-z0-9_.]*")
_VALUE = re.compile(r"[A-Za-z0-9_.+-]+")
HELP = "write METHOD or METHOD@setting=value,setting=value: tla, tla@pool=250, at@train.select=false"


class Variant(NamedTuple):
    """One contestant of a study.

    Attributes:
        method: Name of the training method.
        knobs: Settings of the method that differ from the study's.
        train: Settings of training that differ from the study's.
        model: Settings of the network that differ from the study's.
    """

    method: str
    knobs: dict[str, Any]
    train: dict[str, Any]
    model: dict[str, Any]


def read_variant(text: str) -> Variant:
    """An entry of a study's list of methods.

    Args:
        text: "tla", "tla@pool=250", "at@train.select=false,train.label_smoothing=0.1"; dots lead into tables, as in
            "tla@train.attack.steps=9". The text is also the variant's name in files, tables and figures.

    Raises:
        ValueError: if it is not of that form; says how to write it.
    """
    name, at, rest = text.partition("@")
    if not _NAME.fullmatch(name) or (at and not rest):
        raise ValueError(f"methods: {text!r} is not a method; {HELP}")
    entry = Variant(name, {}, {}, {})
    for part in rest.split(",") if rest else ():
        key, equals, value = part.partition("=")
        if not equals or not _KNOB.fullmatch(key) or not _VALUE.fullmatch(value):
            raise ValueError(f"methods: {part!r} in {text!r} is not a setting and its value; {HELP}")
        head, _, tail = key.partition(".")
        where, path = (getattr(entry, head), tail) if head in PARTS and tail else (entry.knobs, key)
        *tables, last = path.split(".")
        for table in tables:
            where = where.setdefault(table, {})
        if last in where:
            raise ValueError(f"methods: {key} stands twice in {text!r}")
        where[last] = plain_value(value)
    return entry


def write_variant(method: str, setting: str, value: str) -> str:
    """The name of a method's variant: ("tla", "pool", "250") -> "tla@pool=250"; a variant gets one setting more."""
    return f"{method}{',' if '@' in method else '@'}{setting}={value}"


def swept(setting: str, methods: tuple[str, ...]) -> dict[str, str]:
    """Which methods a setting of a recipe changes, and its name in an entry.

    Args:
        setting: "method.tla.pool", "train.learning_rate", "model.width".
        methods: Methods that a setting of training or of the network shall change.

    Returns:
        {"tla": "pool"}, or {"at": "train.learning_rate", "tla": "train.learning_rate"}.

    Raises:
        ValueError: for a setting that does not change training.
    """
    head, _, tail = setting.partition(".")
    if head == "method" and tail.count(".") >= 1:
        method, _, knob = tail.partition(".")
        return {method: knob}
    if head in PARTS and tail:
        return dict.fromkeys(methods, setting)
    known = ("method.NAME.SETTING", "train.SETTING", "model.SETTING")
    hint = "" if head in ("method", *PARTS) else f"; {did_you_mean(head, ('method', *PARTS))}"
    raise ValueError(f"{setting!r} cannot be swept: it must be {', '.join(known)}{hint}")
