"""Strict conversion between frozen dataclasses, plain values and TOML: every typo is an error."""

import dataclasses
import hashlib
import inspect
import json
import math
import re
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from tla.messages import did_you_mean

T = TypeVar("T")
_SOURCE_SETTINGS = re.compile(r"[a-z_]+=[^,@]*(,[a-z_]+=[^,@]*)*")


def from_dict(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build a dataclass from plain values.

    A field whose type is an abstract class with a `registry` takes a table with a `name`,
    `attack = {name = "pgd", steps = 7}`, or the name alone, `attack = "pgd"`.

    Args:
        cls: A dataclass.
        values: Plain values as TOML or JSON gives them; missing keys keep their defaults.
        where: What is being read, for messages: "attack 'pgd'".

    Raises:
        ValueError: for an unknown or missing key, or a value that is of the wrong type or rejected by the class; says
            where.
    """
    where = where or cls.__name__
    if hasattr(cls, "registry"):
        cls, values = _registered(cls, values, where)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # pyright: ignore
    for key in values:
        if key not in fields:
            help_ = did_you_mean(key, fields) if fields else "it takes none"
            raise ValueError(f"{where}.{key}: unknown key for {cls.__name__}; {help_}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise ValueError(f"{where}.{name}: missing")
    hints = typing.get_type_hints(cls)
    settings = {key: _convert(hints[key], value, f"{where}.{key}") for key, value in values.items()}
    try:
        return cls(**settings)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def converted(kind: Any, value: Any, where: str) -> Any:
    """A plain value as a type: the conversion that `from_dict` applies to every field.

    Args:
        kind: A type as in an annotation: `int | None`, `tuple[str, ...]`, a `Literal`, a dataclass.
        value: As TOML or JSON gives it.
        where: What is being read, for messages.

    Raises:
        ValueError: if the value does not fit; says where.
    """
    return _convert(kind, value, where)


def to_dict(value: Any) -> Any:
    """The plain values of a (nested) dataclass, the inverse of `from_dict`; omits None, turns paths into strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        registry = getattr(type(value), "registry", None)
        head = {} if registry is None else {"name": registry.name_of(value)}
        pairs = {field.name: to_dict(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
        return head | {key: item for key, item in pairs.items() if item is not None}
    if isinstance(value, tuple | list):
        return [to_dict(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_dict(item) for key, item in value.items()}
    return str(value) if isinstance(value, Path) else value


def digest(value: Any) -> str:
    """A short, stable fingerprint of any dataclass or plain value: 16 hexadecimal digits of its SHA-256.

    Raises:
        TypeError: for a value that is not plain (an array, a set, a function): its text may not be unique.
    """
    text = json.dumps(to_dict(value), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_toml(path: Path) -> dict[str, Any]:
    """The plain values of a TOML file.

    Raises:
        ValueError: if the file is missing or is not valid TOML; names the file and the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such recipe") from None
    except RecursionError:
        raise ValueError(f"{path}: not valid TOML: its tables or lists are nested too deeply") from None
    except ValueError as error:  # a TOMLDecodeError, a UnicodeDecodeError, or a number of too many digits
        raise ValueError(f"{path}: not valid TOML: {error}") from None


def plain_value(text: str) -> Any:
    """A command-line word as TOML would read it, or a quotient: 8/255. Anything else is a string."""
    try:
        values = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return quotient(text)
    return values["value"] if set(values) == {"value"} else text  # a line break could bring in further keys


def quotient(text: str) -> float | str:
    """The number that "8/255" means; the text itself if it is no quotient of two numbers."""
    number = r"\s*(\d+(?:\.\d*)?|\.\d+)\s*"
    found = re.fullmatch(f"{number}/{number}", text)
    return float(found[1]) / float(found[2]) if found and float(found[2]) else text


SOURCE_FORMS = {
    "folder": "path", "csv": "path", "npz": "path", "study": "path", "torchvision": "dataset", "python": "function",
}  # fmt: skip
"""Data sources that a text names as "kind:what", and the setting that `what` is."""


def source_values(text: str) -> dict[str, Any]:
    """The plain values of a data source that is written as one word.

    Args:
        text: "digits" or any other registered name; "folder:PATH", "csv:FILE", "npz:FILE", "torchvision:NAME",
            "package.module:function" or "PATH/file.py:function"; settings may follow, as in
            "folder:PATH@resize=64,channels=1".
    """
    plain, settings = text, {}
    head, at, tail = text.rpartition("@")
    if at and _SOURCE_SETTINGS.fullmatch(tail):
        pairs = [pair.partition("=") for pair in tail.split(",")]
        plain, settings = head, {key: plain_value(value) for key, _, value in pairs}
    kind, colon, what = plain.partition(":")
    if not colon:
        return {"name": plain, **settings}
    if kind not in SOURCE_FORMS:
        kind, what = "python", plain
    return {"name": kind, SOURCE_FORMS[kind]: what, **settings}


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested tables, `over` taking precedence; a table with another `name` replaces instead of merging."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, str) and isinstance(value, Mapping):
            old = {"name": old}
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            same = value.get("name", old.get("name")) == old.get("name")
            merged[key] = merge(old, value) if same else value
        else:
            merged[key] = value
    return merged


def _registered(cls: type[T], values: Mapping[str, Any], where: str) -> tuple[type[T], dict[str, Any]]:
    """The registered class called `name`, and the other settings."""
    registry = getattr(cls, "registry")  # noqa: B009 - a class attribute unknown to T
    settings = {key: value for key, value in values.items() if key != "name"}
    if "name" not in values:
        if inspect.isabstract(cls):
            raise ValueError(f"{where}.name: missing; Known: {', '.join(registry.names())}")
        return cls, settings
    if not isinstance(values["name"], str):
        raise ValueError(f"{where}.name: must be a string, got {values['name']!r}")
    found = registry.get(values["name"])
    if not issubclass(found, cls):
        raise ValueError(f"{where}.name: must be a {cls.__name__}, got {values['name']!r}")
    return found, settings


def _convert(kind: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _convert(args[0], value, where)
    if origin in (Union, types.UnionType):
        return _convert_union(args, value, where)
    if origin is Literal:
        if not any(value is arg or (type(value) is type(arg) and value == arg) for arg in args):
            raise ValueError(f"{where}: must be one of {', '.join(map(repr, args))}, got {value!r}")
        return value
    if origin in (tuple, Sequence):
        return _convert_tuple(args if origin is tuple else (args[0], Ellipsis), value, where)
    if origin in (dict, Mapping) or kind is dict:
        if not isinstance(value, Mapping):
            raise ValueError(f"{where}: must be a table, got {value!r}")
        inner = args[1] if args else Any
        return {key: _convert(inner, item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or hasattr(kind, "registry")):
        if isinstance(value, kind):
            return value
        if isinstance(value, str) and inspect.isabstract(kind):
            value = {"name": value}
        if not isinstance(value, Mapping):
            raise ValueError(f"{where}: must be a table of settings, got {value!r}")
        return from_dict(kind, value, where)
    return _convert_plain(kind, value, where)


def _convert_plain(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if kind is float and isinstance(value, str):
        value = quotient(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{where}: must be a number of at most 64 bits, got one of {value.bit_length()}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is float and isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: must be finite, got {value}")
    if kind is Path and isinstance(value, str):
        return Path(value)
    if isinstance(kind, type) and isinstance(value, kind) and not (kind in (int, float) and isinstance(value, bool)):
        return value
    words = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a string"}
    name = getattr(kind, "__name__", str(kind))
    raise ValueError(f"{where}: must be {words.get(name, name)}, got {value!r}")


def _convert_union(args: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in args:
        return None
    errors = []
    for kind in (kind for kind in args if kind is not type(None)):
        try:
            return _convert(kind, value, where)
        except ValueError as error:
            errors.append(str(error))
    raise ValueError(errors[0])


def _convert_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{where}: must be a list, got {value!r}")
    kinds = [args[0]] * len(value) if len(args) == 2 and args[1] is Ellipsis else list(args)
    if len(kinds) != len(value):
        raise ValueError(f"{where}: must be a list of {len(kinds)}, got {len(value)}")
    return tuple(_convert(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True)))
