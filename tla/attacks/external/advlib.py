"""adv-lib, imported without the plotting server that it asks for."""

import sys
import threading
import warnings
from types import ModuleType

from tla.extras import require

LOCK = threading.Lock()


def adv_lib(why: str) -> ModuleType:
    """The module `adv_lib.attacks`.

    adv-lib imports visdom, which is needed for its plots alone: where visdom is not installed, an empty module stands
    in for it while adv-lib is imported, and is taken away again.

    Args:
        why: What needs it, for the message.

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
            stand_in = ModuleType("visdom")
            stand_in.Visdom = object  # pyright: ignore[reportAttributeAccessIssue]
            sys.modules["visdom"] = stand_in
            try:
                return require("adv_lib.attacks", why)
            finally:
                del sys.modules["visdom"]
        return require("adv_lib.attacks", why)
