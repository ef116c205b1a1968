"""Atomic writes: a file is written under a temporary name, synced and renamed."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file in the folder of `path`; synced and renamed to `path` when the block ends without an error.

    Raises:
        OSError: without space or permission; names the file and the fix, and leaves the old file untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
    except OSError as error:
        raise OSError(
            error.errno, f"cannot write {path}: {error.strerror}; choose another folder with --out"
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, f"cannot write {path}: {error.strerror}; the old file is untouched") from error
    finally:
        temporary.unlink(missing_ok=True)
