"""Atomic writes: a file is written under a temporary name, synced and renamed."""

import contextlib
import errno
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
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


def write_sealed(path: Path, content: bytes | memoryview) -> None:
    """Write a file atomically, after the SHA-256 of its content.

    Raises:
        OSError: without space or permission; the old file is unchanged.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(hashlib.sha256(content).digest())
        if file.write(content) != len(content):
            raise OSError(errno.ENOSPC, "no space left on device")


def read_sealed(path: Path) -> bytes | None:
    """The content that `write_sealed` wrote; None if the file is missing, damaged or another kind of file."""
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    return whole[32:] if hashlib.sha256(whole[32:]).digest() == whole[:32] else None


@contextlib.contextmanager
def swapped_in(folder: Path) -> Iterator[Path]:
    """A new folder next to `folder`; takes its place when the block ends without an error, else is removed.

    What was at `folder` is moved aside for the moment of the swap and deleted after it; should the process end in that
    moment, the next call moves it back.

    Raises:
        OSError: without space or permission; the old folder is intact.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.replaced")
    if aside.exists() and not folder.exists():
        aside.rename(folder)
    building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.building."))
    try:
        yield building
        building.chmod(0o755)
        shutil.rmtree(aside, ignore_errors=True)
        if folder.exists():
            folder.rename(aside)
        building.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def check_name(name: str, what: str) -> None:
    """Refuse a name that is no plain path component: it could lead out of the folder that it is put into.

    Raises:
        ValueError: says what is allowed.
    """
    plain = name not in ("", ".", "..") and name == name.strip() and not name.startswith((".", "-"))
    if not plain or any(letter in "/\\:" or ord(letter) < 32 for letter in name) or len(name.encode()) > 200:
        raise ValueError(
            f"{what} must be a plain name of a folder, without / or a dot in front, of at most 200 bytes; got {name!r}"
        )


def remove_orphans(folder: Path) -> None:
    """Delete the temporary files that an ended process left of `replacing` below a folder that this process holds."""
    for path in folder.rglob(".*"):
        if ORPHAN.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)


ORPHAN = re.compile(r"\..+\.(parquet|safetensors|json|jsonl|toml|html|pt|faiss|table|images)\.[a-z0-9_]{8}")
"""A dot, the name of a file, and eight random letters."""


class FolderInUseError(ValueError):
    """Another process is writing to a folder."""


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """A folder that no other process may hold until the block, or this process, ends.

    A folder that is made here and that an error leaves empty is removed.

    Raises:
        FolderInUseError: if another process holds it; names the process, its machine and since when.
    """
    from filelock import FileLock, Timeout

    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / ".holder.json"
    try:
        lock = FileLock(folder / ".lock").acquire(timeout=0)
    except Timeout:
        try:
            who = json.loads(holder.read_text(encoding="utf-8"))
            by = f"process {who['process']} on {who['machine']} since {who['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            by = "another process"
        raise FolderInUseError(
            f"{folder} is being written by {by}; wait for it, end it, or choose another folder with --out"
        ) from None
    try:
        with lock:
            facts = {"process": os.getpid(), "machine": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            with replacing(holder) as temporary:
                temporary.write_text(json.dumps(facts), encoding="utf-8")
            try:
                yield
            finally:
                holder.unlink(missing_ok=True)
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                if [file.name for file in folder.iterdir()] == [".lock"]:
                    (folder / ".lock").unlink()
                    folder.rmdir()
        raise
