"""Controls for an attack's parameters, derived from its dataclass: a new attack needs no form of its own."""

import dataclasses
import functools
import inspect
import operator
import types
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import streamlit as st

from tla.attacks.search.step_size import check_step_size
from tla.config import plain_value

PLAIN_TYPES = (bool, int, float)
LENGTH = "length"
"""A number or a share of eps: typed as a text, 0.01, 2/255 or eps/4."""
FIRST = ("steps", "restarts", "step_size")
AUTO = "auto"


class Parameter(NamedTuple):
    """One parameter of an attack.

    Attributes:
        name: Its name in Python.
        kind: bool, int, float, "choice", or "length" (a number, or a share of eps as a text).
        default: Its default.
        optional: True if None is allowed and lets the attack choose.
        choices: Allowed values of a choice.
        help: Its description in the docstring.
    """

    name: str
    kind: type | str
    default: Any
    optional: bool
    choices: tuple[str, ...]
    help: str


LARGEST = 5000
"""Of a whole number in a form; a live attack makes no more forward passes."""


def parameters(cls: type) -> list[Parameter]:
    """The plain parameters of a frozen dataclass, the most important first."""
    docs = descriptions(cls)
    hints = get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        kind, optional = _without_none(hints[field.name])
        default = None if field.default is dataclasses.MISSING else field.default
        if get_origin(kind) is Literal:
            choices = tuple(str(choice) for choice in get_args(kind))
            found.append(Parameter(field.name, "choice", default, optional, choices, docs.get(field.name, "")))
        elif set(get_args(kind)) == {float, str}:
            found.append(Parameter(field.name, LENGTH, default, optional, (), docs.get(field.name, "")))
        elif kind in PLAIN_TYPES:
            found.append(Parameter(field.name, kind, default, optional, (), docs.get(field.name, "")))
    return sorted(found, key=lambda p: FIRST.index(p.name) if p.name in FIRST else len(FIRST))


def descriptions(cls: type) -> dict[str, str]:
    """The description of each parameter in the `Args` of a class."""
    docs: dict[str, str] = {}
    name = ""
    inside = False
    for line in inspect.cleandoc(cls.__doc__ or "").splitlines():
        depth = len(line) - len(line.lstrip())
        if depth == 0 and line.strip():
            inside = line.strip() == "Args:"
        elif inside and depth == 4 and ":" in line:
            name, _, text = line.strip().partition(":")
            docs[name] = text.strip()
        elif inside and depth > 4 and name:
            docs[name] += " " + line.strip()
    return docs


def control(parameter: Parameter, *, initial: Any = None) -> Any:
    """A control for one parameter; its value is in the address of the page.

    Args:
        parameter: The parameter.
        initial: First value, instead of the parameter's default.
    """
    label = parameter.name.replace("_", " ").capitalize()
    default = parameter.default if initial is None else initial
    key, bind = f"attack_{parameter.name}", "query-params"
    help_text = parameter.help or None
    if parameter.kind == "choice":
        options = [AUTO, *parameter.choices] if parameter.optional else list(parameter.choices)
        index = options.index(default if default in options else options[0])
        chosen = st.selectbox(label, options, index=index, key=key, bind=bind, help=help_text)
        return None if chosen == AUTO else chosen
    if parameter.kind == LENGTH:
        text = st.text_input(label, value=default, placeholder=AUTO, key=key, bind=bind, help=help_text)
        return _length(text)
    if parameter.kind is bool:
        return st.toggle(label, value=bool(default), key=key, bind=bind, help=help_text)
    if parameter.kind is int:
        value = None if default is None else min(default, LARGEST)
        return st.number_input(label, 0, LARGEST, value=value, step=1, key=key, bind=bind, help=help_text)
    return st.number_input(
        label, value=default, step=0.01, format="%.4f", placeholder=AUTO, key=key, bind=bind, help=help_text
    )


def _length(text: str | None) -> float | str | None:
    """What was typed for a step size; None, and the reason below the field, if it is none."""
    value = plain_value(text.strip()) if text and text.strip() else None
    try:
        size = float(value) if isinstance(value, int | float) else value
        check_step_size(size)
    except ValueError as error:
        st.error(str(error))
        return None
    return size


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        inner = [option for option in get_args(hint) if option is not type(None)]
        if inner:
            return functools.reduce(operator.or_, inner), len(inner) < len(get_args(hint))
    return hint, False
