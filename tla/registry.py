"""One algorithm, one file: a registry finds the classes of a package by their names."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tla.config import from_dict
from tla.messages import did_you_mean

T = TypeVar("T")
Item = TypeVar("Item")


class Registry(Generic[T]):
    """The classes or functions of one kind ("attack", "loss", ...), by name.

    The modules of `package` are imported at the first lookup, so a new file is found as soon as it exists.

    Args:
        kind: What is registered, as messages call it: "attack".
        package: The package whose modules register themselves: "tla.attacks".
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._items: dict[str, Any] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[Item], Item]:
        """Decorator that registers a class or a function as `name`.

        Raises:
            ValueError: if the name is taken, or one that differs only in "-" and "_".
        """

        def register(item: Item) -> Item:
            known = self._items.get(self._registered_name(name))
            if known is not None and _origin(known) != _origin(item):
                raise ValueError(f"{self.kind} {name!r} is registered twice: {known} and {item}")
            self._items[name] = item
            return item

        return register

    def names(self) -> tuple[str, ...]:
        """All registered names, sorted."""
        self._load()
        return tuple(sorted(self._items))

    def get(self, name: str) -> Any:
        """The class or function registered as `name`; "-" and "_" are the same.

        Raises:
            ValueError: for an unknown name; the message lists the known ones.
        """
        self._load()
        registered = self._registered_name(name)
        if registered not in self._items:
            raise ValueError(f"unknown {self.kind} {name!r}; {did_you_mean(name, self._items)}")
        return self._items[registered]

    def build(self, name: str, **parameters: Any) -> T:
        """Build the class called `name` from plain values, checking every key and type.

        Raises:
            ValueError: for an unknown name, an unknown key or a value of the wrong type.
        """
        return from_dict(self.get(name), parameters, where=f"{self.kind} {name!r}")

    def name_of(self, item: object) -> str:
        """The registered name of an object's class.

        Raises:
            ValueError: if its class is not registered.
        """
        self._load()
        for name, cls in self._items.items():
            if type(item) is cls:
                return name
        raise ValueError(f"{type(item).__name__} is not a registered {self.kind}")

    def _registered_name(self, name: str) -> str:
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


def _origin(item: Any) -> tuple[str, str]:
    return item.__module__, item.__qualname__
