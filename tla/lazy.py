"""Names of a package that are imported when they are first used (PEP 562)."""

import ast
import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class LazyNames(NamedTuple):
    """What a package assigns to its own special names, in this order.

    Attributes:
        getattr: `__getattr__`: imports a name when it is first used.
        dir: `__dir__`.
        all: `__all__`.
    """

    getattr: Callable[[str], Any]
    dir: Callable[[], list[str]]
    all: list[str]


def attach(package: str) -> LazyNames:
    """Export what a package's stub imports, without importing it yet.

    The stub, `__init__.pyi`, is the only list of the names: type checkers read it, and so does Python. Its lines are
    `from package.module import Name as Name`, `from . import module as module`, and `__version__: str`, which stands
    for the installed version.

    Args:
        package: The package's `__name__`.
    """
    modules: dict[str, str] = {}
    names: list[str] = []
    for line in ast.parse(pkgutil.get_data(package, "__init__.pyi") or b"").body:
        if isinstance(line, ast.ImportFrom):
            names += [alias.name for alias in line.names]
            modules |= {alias.name: line.module or "" for alias in line.names}
        elif isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            names.append(line.target.id)

    def load(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if name == "__version__":
            value: Any = importlib.import_module("tla.extras").versions()["tla"]
        elif modules[name]:
            value = getattr(importlib.import_module(modules[name]), name)
        else:
            value = importlib.import_module(f"{package}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    return LazyNames(load, lambda: sorted({*vars(sys.modules[package]), *names}), names)
