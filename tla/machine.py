"""What a machine may lack or share: a home folder, a place for compiled code, idle cores."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

WAITING = "OMP_WAIT_POLICY"


def share_cores() -> None:
    """Let waiting threads sleep instead of spin; call before torch is imported.

    OpenMP's threads spin between two parts of a computation. Next to one other busy process they then spend their time
    waiting for each other: training is several times slower with two threads than with one (benchmarks/busy.py).
    """
    os.environ.setdefault(WAITING, "PASSIVE")


def let_mps_fall_back() -> None:
    """Let torch compute on the CPU what Apple's MPS lacks, and warn of it; call before torch is imported."""
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def threads(count: int | None) -> Iterator[None]:
    """So many threads of torch for each operation, and what was there before at the end of the block.

    Args:
        count: None leaves them as they are at first; others, UMAP's compiled loops among them, may change them inside.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def home_cache() -> Path:
    """~/.cache, or a folder of this user among the temporary files where there is no home that can be written to."""
    try:
        home = Path.home()
    except RuntimeError:  # a user without an entry and without HOME, as in containers
        home = Path("/")
    if home != Path("/") and _writable(home / ".cache"):
        return home / ".cache"
    return Path(tempfile.gettempdir()) / f"tla-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def place_compiled_code(package: Path) -> None:
    """Give numba a folder for what it compiles where neither the package's own nor the user's can be written to.

    Args:
        package: Folder of a package that numba compiles.
    """
    if "NUMBA_CACHE_DIR" not in os.environ and not _writable(package / "__pycache__"):
        os.environ["NUMBA_CACHE_DIR"] = str(home_cache() / "numba")


def _writable(folder: Path) -> bool:
    """True if a folder can be written to, or made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
