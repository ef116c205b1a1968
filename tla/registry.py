"""One algorithm, one file: a registry finds every registered class of a package by its name."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tla.config import from_dict
from tla.messages import did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing ("attack", "loss", ...) and the classes or functions behind them.

    The modules of `package` are imported when a name is first asked for, so that a new file is
    found the moment it exists.

    Args:
        kind: What is registered, as it appears in messages: "attack".
        package: The package whose modules register themselves: "tla.attacks".
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._items: dict[str, Any] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[Any], Any]:
        """Decorator that files a class (or a function) under `name`.

        Raises:
            ValueError: if another object already has the name, or one that differs in "-" and "_" only.
        """

        def file(item: Any) -> Any:
            known = self._items.get(self._as_filed(name))
            if known is not None and (known.__module__, known.__qualname__) != (item.__module__, item.__qualname__):
                raise ValueError(f"{self.kind} {name!r} is registered twice: {known} and {item}")
            self._items[name] = item
            return item

        return file

    def names(self) -> tuple[str, ...]:
        """All registered names, sorted."""
        self._load()
        return tuple(sorted(self._items))

    def get(self, name: str) -> Any:
        """The class (or function) registered under `name`; "-" and "_" are the same.

        Raises:
            ValueError: if nothing has that name; the message says which names there are.
        """
        self._load()
        filed = self._as_filed(name)
        if filed not in self._items:
            raise ValueError(f"unknown {self.kind} {name!r}; {did_you_mean(name, self._items)}")
        return self._items[filed]

    def build(self, name: str, **parameters: Any) -> T:
        """Make the thing called `name` from plain values, checking every key and type.

        Raises:
            ValueError: for an unknown name, an unknown key or a value of the wrong type.
        """
        return from_dict(self.get(name), parameters, where=f"{self.kind} {name!r}")

    def name_of(self, item: object) -> str:
        """The name under which an object's class is registered.

        Raises:
            ValueError: if its class is not registered.
        """
        self._load()
        for name, cls in self._items.items():
            if type(item) is cls:
                return name
        raise ValueError(f"{type(item).__name__} is not a registered {self.kind}")

    def _as_filed(self, name: str) -> str:
        same = (known for known in self._items if known.replace("-", "_") == name.replace("-", "_"))
        return next(same, name)

    def _load(self) -> None:
        if self._loaded:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg:
                importlib.import_module(f"{self.package}.{module.name}")
        self._loaded = True
