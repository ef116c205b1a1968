"""adv-lib, imported without the plotting server that it depends on."""

import sys
import threading
import warnings
from types import ModuleType

from tla.extras import require

LOCK = threading.Lock()


def adv_lib(why: str) -> ModuleType:
    """The module `adv_lib.attacks`.

    adv-lib imports visdom, which only its plots need: if visdom is not installed, an empty module replaces it while
    adv-lib is imported, and is then removed.

    Args:
        why: What needs it, for the error message.

    Raises:
        ModuleNotFoundError: with the pip line, if adv-lib is not installed.
    """
    with LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "adv_lib.attacks" in sys.modules:
            return sys.modules["adv_lib.attacks"]
        try:
            import visdom  # noqa: F401  # pyright: ignore[reportMissingImports]
        except ModuleNotFoundError:
            stub = ModuleType("visdom")
            stub.Visdom = object  # pyright: ignore[reportAttributeAccessIssue]
            sys.modules["visdom"] = stub
            try:
                return require("adv_lib.attacks", why)
            finally:
                del sys.modules["visdom"]
        return require("adv_lib.attacks", why)
