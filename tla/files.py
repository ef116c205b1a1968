"""Files that are whole or not there: written under a temporary name, synced, renamed."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`; synced and renamed to it when the block ends well.

    Raises:
        OSError: without space or permission; names the file and what to do, and leaves the old file whole.
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
