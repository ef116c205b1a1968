"""Freed CPU memory: kept between passes through a network, returned to the operating system afterwards.

PyTorch does not cache CPU memory: each activation is allocated by the C library and freed again. Blocks above its
threshold come fresh from the operating system, which zeroes every page first; for a small network on two cores these
page faults cost a quarter of a training step (docs/results.md).
"""

import contextlib
import ctypes
import functools
import gc
import sys
import threading
from collections.abc import Iterator

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -3, -4, -8
"""Parameters of glibc's `mallopt`, malloc.h."""

KEEPING = ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1))
USUAL = ((MMAP_MAX, 65536), (MMAP_THRESHOLD, 2**25), (TRIM_THRESHOLD, 2**26))
"""What glibc's adaptive thresholds become after large blocks were freed; mallopt cannot make them adaptive again."""

_lock = threading.Lock()
_depth = 0
_freezes = False


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Inside, freed memory stays with the process for the next pass; the outermost exit returns it.

    For loops of forward and backward passes on the CPU. Results do not change. Does nothing if the C library is not
    glibc. Can be nested, and used by several threads at once.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


@contextlib.contextmanager
def only_new_garbage() -> Iterator[None]:
    """Inside, `give_back` looks for garbage among what was made since it last did.

    For work in several steps: all that PyTorch, UMAP and Plotly bring takes 0.3 s to look through each time. What lives
    at the end of one step and is garbage in cycles later stays until the end. Does nothing if somebody else has
    frozen objects.
    """
    global _freezes
    if _freezes or gc.get_freeze_count():
        yield
        return
    _freezes = True
    try:
        yield
    finally:
        _freezes = False
        gc.unfreeze()


def give_back() -> None:
    """Return free memory to the operating system; otherwise the C library keeps it, and the peak grows."""
    gc.collect()
    if _freezes:
        gc.freeze()
    trim()


def trim() -> None:
    """Return memory that is free already to the operating system, without looking for garbage: some milliseconds."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def peak_memory() -> float:
    """Largest resident memory of this process so far, in GiB."""
    import resource

    unit = 2**30 if sys.platform == "darwin" else 2**20
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 3)


def few_arenas(most: int = 2) -> None:
    """Let threads share so many arenas of the C library; each keeps its own freed memory, and Streamlit's are many.

    Args:
        most: How many, >= 1.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(ARENA_MAX, most)


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
            trim()


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
