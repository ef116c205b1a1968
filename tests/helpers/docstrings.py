"""What a docstring must explain."""

import dataclasses
import re


def undocumented(cls: type) -> list[str]:
    """Settings of a dataclass that its docstring does not explain under `Args:`."""
    return [
        item.name
        for item in dataclasses.fields(cls)
        if not re.search(rf"^\s*{item.name}: \S", _args(cls.__doc__ or ""), re.MULTILINE)
    ]


def _args(text: str) -> str:
    found = re.search(r"^\s*Args:\n((?:.*\n)*?)(?=\s*(?:Returns|Raises|Attributes):|\Z)", text + "\n", re.MULTILINE)
    return found.group(1) if found else ""
