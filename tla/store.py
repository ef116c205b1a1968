"""The study folder, which command line, notebooks and dashboard share. Does not import torch."""

import errno
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tla.files import replacing
from tla.formats import DamagedFileError, checksum, is_manifest, read_arrays, read_table

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any  # pandas is imported with the first table: a study with nothing to do never needs it

__all__ = ["SCHEMA", "DamagedFileError", "Store", "file_digest", "replacing"]

SCHEMA = 1


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Store:
    """One study folder.

    Args:
        path: The folder; created by the first write.
    """

    path: Path

    def manifest(self) -> dict[str, Any]:
        """The manifest, or an empty one if the study has not started.

        Raises:
            DamagedFileError: if manifest.json is invalid or has another schema.
        """
        file = self.place("manifest.json")
        if not file.exists():
            return {"schema": SCHEMA, "steps": {}}
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise DamagedFileError(f"{file}: the manifest is damaged ({error}); {_HELP}") from None
        if not is_manifest(manifest):
            raise DamagedFileError(f"{file}: the manifest is damaged (no list of steps and their files); {_HELP}")
        if manifest.get("schema") != SCHEMA:
            raise DamagedFileError(f"{file}: schema {manifest.get('schema')}, this version reads {SCHEMA}; {_HELP}")
        return manifest

    def finished(self, step: str, digest: str) -> bool:
        """True if `step` finished with the same inputs and all its files are the ones that were recorded."""
        return self.recorded(step, digest) and not self.changed(step)

    def recorded(self, step: str, digest: str) -> bool:
        """True if `step` finished with the same inputs, whatever became of its files since."""
        return self.manifest()["steps"].get(step, {}).get("digest") == digest

    def changed(self, step: str | None = None) -> tuple[str, ...]:
        """Files of a step (by default of all) that are missing or are not the ones that were recorded."""
        steps = self.manifest()["steps"]
        entries = steps.values() if step is None else [steps[step]] if step in steps else []
        return tuple(
            name for entry in entries for name, recorded in entry["files"].items() if not self._is(name, recorded)
        )

    def check(self, name: str) -> Path:
        """The path of a file of the study, after comparing its content with what the manifest recorded.

        A file is hashed when this process first reads it, and again when it or its entry has changed. A file that no
        step has recorded yet passes.

        Args:
            name: Relative to the study folder.

        Raises:
            DamagedFileError: if the file is not the one that was recorded.
        """
        self.place(name)
        recorded = _recorded(self.path, _stamp(self.path / "manifest.json")).get(name)
        if recorded is not None and (self.path / name).is_file() and not self._is(name, recorded):
            raise DamagedFileError(f"{self.path / name} is not the file that this study wrote; {_HELP}")
        return self.path / name

    def place(self, name: str) -> Path:
        """The path of a file of the study, which no symbolic link may lead out of the folder.

        Args:
            name: Relative to the study folder.

        Raises:
            DamagedFileError: if it lies elsewhere.
        """
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise DamagedFileError(f"{path} leads out of the study folder, to {path.resolve()}; remove the link")
        return path

    def check_all(self, but: Iterable[str] = ()) -> None:
        """Compare every file with what the manifest recorded.

        Args:
            but: Files to leave out, relative to the study folder.

        Raises:
            DamagedFileError: names the files that are missing or are not the ones that were recorded.
        """
        changed = [name for name in self.changed() if name not in but]
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise DamagedFileError(
                f"{self.path}: not the files that this study wrote: {', '.join(changed[:3])}{more}; {_HELP}"
            )

    def _is(self, name: str, recorded: Mapping[str, Any]) -> bool:
        file = self.place(name)
        if not file.is_file() or file.stat().st_size != recorded["bytes"]:
            return False
        expected = recorded.get("sha256")
        if not isinstance(expected, str) or (seen := (file, _stamp(file), expected)) in _CHECKED:
            return True
        if file_digest(file) != expected:
            return False
        _CHECKED.add(seen)
        return True

    def finish(self, step: str, digest: str, files: list[str], facts: Mapping[str, Any] | None = None) -> None:
        """Record a finished step in the manifest; a step without an entry counts as not done.

        Args:
            step: Name of the step, "train/at-seed0".
            digest: Fingerprint of everything the step depends on.
            files: What it wrote, relative to the study folder.
            facts: More to record: seconds, hardware, accuracy.
        """
        manifest = self.manifest()
        written = {
            name: {
                "sha256": file_digest(self.path / name),
                "bytes": (self.path / name).stat().st_size,
                "rows": self._rows(name),
            }
            for name in files
        }
        before = manifest["steps"].get(step, {"files": {}})["files"]
        manifest["steps"][step] = {"digest": digest, "files": written, "facts": dict(facts or {})}
        self.write_json("manifest.json", manifest)
        self._remove_tables(set(before) - set(written))

    def note(self, **facts: Any) -> None:
        """Set top-level entries of the manifest, such as study, versions, hardware."""
        self.write_json("manifest.json", self.manifest() | facts)

    def forget(self, step: str, *, tables: bool = False) -> None:
        """Remove a step from the manifest; its files stay until they are overwritten.

        Args:
            step: Name of the step.
            tables: Delete the step's joined tables too (tables/NAME.parquet, not those of single models), so that no
                report shows what the study no longer contains.
        """
        manifest = self.manifest()
        entry = manifest["steps"].pop(step, None)
        if entry is not None:
            self.write_json("manifest.json", manifest)
            if tables:
                self._remove_tables(entry["files"])

    def _remove_tables(self, files: Iterable[str]) -> None:
        for name in files:
            if Path(name).parent == Path("tables"):
                self.place(name).unlink(missing_ok=True)

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file atomically."""
        self.write_text(name, json.dumps(value, indent=1, sort_keys=True, default=str) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text file atomically."""
        with replacing(self.place(name)) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def write_table(self, name: str, frame: DataFrame) -> str:
        """Write tables/<name>.parquet atomically; returns its path relative to the study folder."""
        relative = f"tables/{name}.parquet"
        with replacing(self.place(relative)) as temporary:
            frame.to_parquet(temporary, index=False, compression="zstd", write_page_checksum=True)
        return relative

    def table(self, name: str) -> DataFrame:
        """Read tables/<name>.parquet.

        Raises:
            FileNotFoundError: if the study has no such table; lists those it has.
            DamagedFileError: if the file cannot be read, or is not the one that was recorded.
        """
        file = self.path / "tables" / f"{name}.parquet"
        if not file.exists():
            raise FileNotFoundError(f"{self.path} has no table {name!r}; it has: {', '.join(self.tables()) or 'none'}")
        return self._read(self.check(f"tables/{name}.parquet"), read_table)

    def has_table(self, name: str) -> bool:
        """True if tables/<name>.parquet exists."""
        return (self.path / "tables" / f"{name}.parquet").exists()

    def tables(self) -> tuple[str, ...]:
        """Names of all tables, sorted."""
        return tuple(sorted(file.stem for file in (self.path / "tables").glob("[!.]*.parquet")))

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray]) -> str:
        """Write arrays/<name>.safetensors atomically; returns its path relative to the study folder."""
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

        relative = f"arrays/{name}.safetensors"
        contiguous = {key: np.asarray(value, order="C") for key, value in arrays.items()}
        with replacing(self.place(relative)) as temporary:
            try:
                save_file(contiguous, temporary, {"crc32": checksum(contiguous)})
            except SafetensorError as error:  # what it raises when the disk is full
                raise OSError(errno.EIO, str(error)) from None
        return relative

    def arrays(self, name: str, only: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """Read arrays/<name>.safetensors.

        Args:
            name: Of the file.
            only: The arrays to return, by default all; the others do not stay in memory.

        Raises:
            FileNotFoundError: if the study has no such arrays; lists those it has.
            DamagedFileError: if the file cannot be read, or is not the one that was recorded.
        """
        file = self.path / "arrays" / f"{name}.safetensors"
        if not file.exists():
            known = sorted(
                str(f.relative_to(self.path / "arrays"))[:-12] for f in self.path.glob("arrays/**/*.safetensors")
            )
            raise FileNotFoundError(f"{self.path} has no arrays {name!r}; it has: {', '.join(known) or 'none'}")
        return self._read(self.check(f"arrays/{name}.safetensors"), lambda path: read_arrays(path, only))

    def _rows(self, name: str) -> int | None:
        if not name.endswith(".parquet"):
            return None
        import pyarrow.parquet

        return pyarrow.parquet.read_metadata(self.path / name).num_rows

    @staticmethod
    def _read(file: Path, read: Callable[[Path], Any]) -> Any:
        try:
            return read(file)
        except Exception as error:  # each reader raises its own types; the user needs the file's name
            raise DamagedFileError(f"{file}: cannot be read ({type(error).__name__}: {error}); {_HELP}") from None


_CHECKED: set[tuple[Path, tuple[int, ...], str]] = set()
"""Files that this process has hashed and found to be as recorded: path, stamp, SHA-256."""


def _stamp(file: Path) -> tuple[int, ...]:
    """Changes whenever a file is written or replaced; empty where there is none."""
    try:
        facts = file.stat()
    except OSError:
        return ()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=64)
def _recorded(folder: Path, stamp: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """What the manifest of this stamp says of each file."""
    steps = Store(folder).manifest()["steps"].values()
    return {name: recorded for step in steps for name, recorded in step["files"].items()}


_HELP = "nothing was overwritten: restore the file, or delete it and run the study again"
