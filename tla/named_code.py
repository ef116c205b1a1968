"""A user's own Python by name: "package.module:function" or "PATH/file.py:function"."""

import contextlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tla.messages import did_you_mean, first_line


@contextlib.contextmanager
def named_object(name: str) -> Iterator[Any]:
    """What a name stands for, with the folders that it may import from searched while the block runs.

    Args:
        name: "package.module:attribute" or "PATH/file.py:attribute"; attributes of attributes are joined by dots. The
            working folder, and the folder of a file, are searched for what it imports.

    Raises:
        ValueError: if it is not found or cannot be imported; says what was found.
    """
    source, _, attribute = name.rpartition(":")
    file = source.endswith(".py")
    if not attribute or not (file or all(word.isidentifier() for word in source.split("."))):
        raise ValueError(f"must be package.module:function or PATH/file.py:function, got {name!r}")
    if not file:
        with _searching(str(Path.cwd())):
            yield _attribute(_imported(source), attribute, name)
        return
    path = Path(source).expanduser()
    with _searching(str(path.resolve().parent), str(Path.cwd())), _forgetting(path.resolve().parent):
        yield _attribute(_from_file(path), attribute, name)


def called(name: str, found: Any) -> Any:
    """What a function or class of the user's own returns when it is called without arguments.

    Raises:
        ValueError: if it needs arguments, or raises an error; says which, and where.
    """
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        mend = "name a function without arguments that returns it" if inspect.isclass(found) else "give them defaults"
        raise ValueError(f"{name} must be callable without arguments: {error}; {mend}") from None
    except ValueError:  # a callable without a signature is called as it is
        pass
    try:
        return found()
    except Exception as error:  # whatever the user's function raises
        raise ValueError(f"{name}() raised {_raised(error)}") from error


def call_named(name: str) -> Any:
    """What a function of the user's own returns; runs the user's code.

    Args:
        name: As for `named_object`.

    Raises:
        ValueError: if it is not found, needs arguments or raises an error; says what was found.
    """
    with named_object(name) as found:
        if not callable(found):
            raise ValueError(f"{name} must be a function, got {type(found).__name__}")
        return called(name, found)


@contextlib.contextmanager
def _searching(*folders: str) -> Iterator[None]:
    """Search folders for imports while the block runs."""
    before = list(sys.path)
    sys.path[:0] = folders
    try:
        yield
    finally:
        for folder in folders:
            if sys.path.count(folder) > before.count(folder):
                sys.path.remove(folder)


@contextlib.contextmanager
def _forgetting(folder: Path) -> Iterator[None]:
    """Forget the modules of a folder that the block imports: those of another folder may have the same names."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).parent == folder and "." not in name:
                del sys.modules[name]


def _imported(source: str) -> ModuleType:
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{source}.".startswith(f"{error.name}."):
            raise ValueError(f"{source} needs the package {error.name!r}, which is not installed") from None
        here = Path.cwd()
        raise ValueError(
            f"no Python module {source!r} (no {error.name!r} in {here} or among the installed packages)"
        ) from None
    except Exception as error:  # whatever the user's module raises
        raise ValueError(f"importing {source} raised {_raised(error)}") from error


def _from_file(path: Path) -> ModuleType:
    """A file as a module; one inside a package is imported as part of it, so that its relative imports work."""
    if not path.is_file():
        raise ValueError(f"no file {path}")
    whole = path.resolve()
    top, parts = whole.parent, [whole.stem]
    while (top / "__init__.py").is_file():
        parts.insert(0, top.name)
        top = top.parent
    if len(parts) > 1:
        with _searching(str(top)):
            return _imported(".".join(parts))
    spec = importlib.util.spec_from_file_location(path.stem, whole)
    assert spec is not None  # the name ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    known = sys.modules.get(path.stem)
    sys.modules.setdefault(path.stem, module)  # dataclasses look their module up by its name
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"{path} needs the module {error.name!r}, which is not beside it or installed") from None
    except Exception as error:  # whatever the user's file raises
        raise ValueError(f"running {path} raised {_raised(error)}") from error
    finally:
        if known is None and sys.modules.get(path.stem) is module:
            del sys.modules[path.stem]
    return module


def _attribute(module: ModuleType, attribute: str, name: str) -> Any:
    found: Any = module
    for word in attribute.split("."):
        if not hasattr(found, word):
            public = [known for known in vars(found) if not known.startswith("_")]
            where = getattr(found, "__name__", type(found).__name__)
            raise ValueError(f"{name}: {where} has no {word!r}; {did_you_mean(word, public)}")
        found = getattr(found, word)
    return found


def _raised(error: Exception) -> str:
    """The kind of an error, its text, and the user's line that raised it."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{Path(error.filename).name}, line {error.lineno}"
    return f"{type(error).__name__}: {first_line(error)} ({place})"
