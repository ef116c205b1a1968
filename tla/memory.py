"""Main memory between the passes of a network: kept where it is used again at once, given back where it is not.

PyTorch has no cache for the CPU: each activation is asked of the C library and freed again. Blocks beyond its threshold
come fresh from the operating system, which fills every page with zeros first; for a small network on two cores these
page faults cost a quarter of a training step (docs/results.md).
"""

import contextlib
import ctypes
import functools
import gc
import threading
from collections.abc import Iterator

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
"""Parameters of glibc's `mallopt`, malloc.h."""

KEEPING = ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1))
USUAL = ((MMAP_MAX, 65536), (MMAP_THRESHOLD, 2**25), (TRIM_THRESHOLD, 2**26))
"""Where glibc's own adaptive thresholds end up once large blocks have been freed; mallopt cannot make them adaptive."""

_lock = threading.Lock()
_depth = 0


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Within, memory that is freed stays with the process for the next pass; the outermost end gives it back.

    For loops of forward and backward passes on the CPU. Changes no result. Does nothing where the C library is not
    glibc. May be nested, and used by several threads at once.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def give_back() -> None:
    """Return to the operating system what is free; the C library would keep it, and the next work add to it."""
    gc.collect()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _enter() -> None:
    global _depth
    with _lock:
        _depth += 1
        if _depth == 1:
            _set(KEEPING)


def _leave() -> None:
    global _depth
    with _lock:
        _depth -= 1
        if _depth == 0:
            _set(USUAL)
            library = _glibc()
            if library is not None:
                library.malloc_trim(0)


def _set(options: tuple[tuple[int, int], ...]) -> None:
    library = _glibc()
    if library is not None:
        for name, value in options:
            library.mallopt(name, value)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """The C library, if it has both functions."""
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError, TypeError):  # macOS and musl lack them; Windows has no CDLL(None)
        return None
