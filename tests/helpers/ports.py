"""A free port, and the wait until a server answers on it."""

import socket
import time
import urllib.request
from collections.abc import Callable


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answer(address: str, alive: Callable[[], None] = lambda: None, seconds: float | int = 60) -> bytes:
    """What a server answers, once it does.

    Args:
        address: Of a page.
        alive: Raises if the server has ended.
        seconds: How long to wait.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as found:
                return found.read()
        except OSError:
            alive()
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
