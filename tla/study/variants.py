"""Entries of a study's list of methods: a method or a variant of one, "tla@pool=250,train.epochs=9"."""

import re
from typing import Any, NamedTuple

from tla.config import plain_value
from tla.messages import did_you_mean

SECTIONS = ("train", "model")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_SETTING = re.compile(r"(?:(?:train|model)\.)?[A-Za-z_][A-Za-z0-9_.]*")
_VALUE = re.compile(r"[A-Za-z0-9_.+-]+")
HELP = "write METHOD or METHOD@setting=value,setting=value: tla, tla@pool=250, at@train.select=false"


class Variant(NamedTuple):
    """A method of a study, with the settings that it changes.

    Attributes:
        method: Name of the training method.
        settings: Settings of the method that differ from the study's.
        train: Settings of training that differ from the study's.
        model: Settings of the network that differ from the study's.
    """

    method: str
    settings: dict[str, Any]
    train: dict[str, Any]
    model: dict[str, Any]


def read_variant(text: str) -> Variant:
    """Parse an entry of a study's list of methods.

    Args:
        text: "tla", "tla@pool=250", "at@train.select=false,train.label_smoothing=0.1"; dots lead into tables, as in
            "tla@train.attack.steps=9". The text is also the variant's name in files, tables and figures.

    Raises:
        ValueError: for another form; says how to write it.
    """
    name, at, rest = text.partition("@")
    if not _NAME.fullmatch(name) or (at and not rest):
        raise ValueError(f"methods: {text!r} is not a method; {HELP}")
    variant = Variant(name, {}, {}, {})
    for change in rest.split(",") if rest else ():
        key, equals, value = change.partition("=")
        if not equals or not _SETTING.fullmatch(key) or not _VALUE.fullmatch(value):
            raise ValueError(f"methods: {change!r} in {text!r} is not a setting and its value; {HELP}")
        head, _, tail = key.partition(".")
        values, path = (getattr(variant, head), tail) if head in SECTIONS and tail else (variant.settings, key)
        *tables, last = path.split(".")
        for table in tables:
            values = values.setdefault(table, {})
        if last in values:
            raise ValueError(f"methods: {key} is set twice in {text!r}")
        values[last] = plain_value(value)
    return variant


def write_variant(method: str, setting: str, value: str) -> str:
    """Name of a variant: ("tla", "pool", "250") -> "tla@pool=250"; `method` may be a variant already."""
    return f"{method}{',' if '@' in method else '@'}{setting}={value}"


def sweep_targets(setting: str, methods: tuple[str, ...]) -> dict[str, str]:
    """The methods that a sweep varies, each with the setting's name in its variants.

    Args:
        setting: "method.tla.pool", "train.learning_rate", "model.width".
        methods: The methods to vary for a `train.` or `model.` setting.

    Returns:
        {"tla": "pool"}, or {"at": "train.learning_rate", "tla": "train.learning_rate"}.

    Raises:
        ValueError: for a setting that does not affect training.
    """
    head, _, tail = setting.partition(".")
    if head == "method" and tail.count(".") >= 1:
        method, _, key = tail.partition(".")
        return {method: key}
    if head in SECTIONS and tail:
        return dict.fromkeys(methods, setting)
    hint = "" if head in ("method", *SECTIONS) else f"; {did_you_mean(head, ('method', *SECTIONS))}"
    form = "method.NAME.SETTING, train.SETTING or model.SETTING"
    raise ValueError(f"{setting!r} cannot be swept: it must be {form}{hint}")
