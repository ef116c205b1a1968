"""Functions of a user's own by name: "package.module:function" or "PATH/file.py:function"."""

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from tla.messages import did_you_mean


def call_named(name: str) -> Any:
    """What a function of the user's own returns; runs the user's code.

    Args:
        name: "package.module:function" or "PATH/file.py:function", called without arguments. The working folder is
            searched for modules too.

    Raises:
        ValueError: if it is not found, or needs arguments; says what was found.
    """
    source, _, attribute = name.rpartition(":")
    if not source or not attribute:
        raise ValueError(f"must be package.module:function or PATH/file.py:function, got {name!r}")
    module = _from_file(Path(source).expanduser()) if source.endswith(".py") else _imported(source)
    if not hasattr(module, attribute):
        public = [word for word in vars(module) if not word.startswith("_")]
        raise ValueError(f"{name}: {module.__name__} has no {attribute!r}; {did_you_mean(attribute, public)}")
    found = getattr(module, attribute)
    if not callable(found):
        raise ValueError(f"{name} must be a function, got {type(found).__name__}")
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ValueError(f"{name} must be callable without arguments: {error}") from None
    return found()


def _imported(source: str) -> ModuleType:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{source}.".startswith(f"{error.name}."):
            raise ValueError(f"{source} needs the package {error.name!r}, which is not installed") from None
        raise ValueError(
            f"no Python module {source!r} (no {error.name!r} in {here} or among the installed packages)"
        ) from None
    finally:
        sys.path.remove(here)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # the name ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
