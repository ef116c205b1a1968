"""A table of picture files and their classes."""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tla.data.base import SOURCES, fingerprint_of
from tla.data.loading.class_folders import Listing, arrange, read_listings
from tla.data.loading.own import Parts, PictureSource, find_file, listed, named_classes, read_classes, with_note
from tla.data.loading.split_folders import TEST_NAMES, TRAIN_NAMES
from tla.messages import did_you_mean, readable

FILE_COLUMNS = ("file", "filename", "file_name", "path", "filepath", "file_path", "image", "image_path", "img")
LABEL_COLUMNS = ("label", "class", "y", "target", "category", "class_name", "label_name")
SPLIT_COLUMNS = ("split", "set", "subset", "partition", "fold")


class _Row(NamedTuple):
    """One picture: its file, its class as written, and the rank of its split's name ("train" has none)."""

    file: str
    label: str
    test: int | None


@SOURCES.register("csv")
@dataclass(frozen=True, kw_only=True)
class CSV(PictureSource):
    """Your own pictures in a table: a line per picture with its file and its class, and perhaps its split.

    The first line names the columns, separated by commas, semicolons or tabs. Classes are names, or whole numbers,
    which are class indices. Files are relative to the table's folder. A split is called as folders are: train, test,
    val and the like; without that column all pictures are one split. Ids count the first picture of each class, then
    the second of each, and so on.

    Args:
        path: The table.
        folder: Folder that the files are relative to; by default the table's.
        file: Name of the column of files; by default the first of file, filename, path, image and the like.
        label: Name of the column of classes; by default the first of label, class, y, target and the like.
        split: Name of the column of splits; by default split, set, subset, partition or fold if there is one.
    """

    path: str
    folder: str | None = None
    file: str | None = None
    label: str | None = None
    split: str | None = None

    def read(self, root: Path | None, whole: bool) -> Parts:
        """The pictures; a relative path that does not exist is searched under `root`.

        Raises:
            ValueError: for a table without these columns, lines without a file or class, unknown classes or splits,
                a file that is listed twice or cannot be read; names the line or the file.
            FileNotFoundError: if the table or pictures of it do not exist.
        """
        table = find_file(self.path, root, "a CSV file of picture files and their classes")
        base = table.parent if self.folder is None else table.parent / Path(self.folder).expanduser()
        rows = self._rows(table, base)
        _check_files(table, base, rows)
        classes = self._classes(table, rows)
        splits = sorted({row.test for row in rows if row.test is not None})
        chosen = {"train": None, "test": splits[0] if splits else -1}
        listings: dict[str, Listing] = {}
        for split, test in chosen.items():
            files: dict[int, list[str]] = {}
            for row in rows:
                if row.test == test:
                    files.setdefault(classes.index(row.label), []).append(row.file)
            if files:
                listings[split] = arrange(base, files, classes.names)
        read = read_listings(tuple(listings.values()), tuple(listings), base, readable(table.stem), self.form)
        notes = (f"left out: {listed([TEST_NAMES[rank] for rank in splits[1:]])}",) if splits[1:] else ()
        images = {split: with_note(part, *notes) for split, part in zip(listings, read, strict=True)}
        return Parts(images.get("train"), images.get("test"))

    def listing(self, root: Path | None = None) -> str | None:
        """Names, sizes and times of the table, its pictures and the file that names the classes; None if it fails."""
        try:
            table = find_file(self.path, root, "a CSV file of picture files and their classes")
            base = table.parent if self.folder is None else table.parent / Path(self.folder).expanduser()
            files = [Path(row.file) for row in self._rows(table, base)]
        except (OSError, ValueError):
            return None
        return fingerprint_of(table, *files, *named_classes(self.classes, table.parent))

    def _rows(self, table: Path, base: Path) -> list[_Row]:
        # names of files may hold any bytes
        with table.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            head = text.readline()
            delimiter = max(",;\t", key=head.count)
            columns = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
            place = {
                name: _column(table, columns, getattr(self, name), name, known)
                for name, known in (("file", FILE_COLUMNS), ("label", LABEL_COLUMNS), ("split", SPLIT_COLUMNS))
            }
            rows = []
            for number, cells in enumerate(csv.reader(text, delimiter=delimiter), 2):
                if any(cell.strip() for cell in cells):
                    rows.append(_row(table, number, cells, place, base))
        if not rows:
            raise ValueError(f"{table} lists no pictures")
        return rows

    def _classes(self, table: Path, rows: Sequence[_Row]) -> "_Classes":
        labels = {row.label for row in rows}
        numbers = all(re.fullmatch(r"\d{1,6}", label) for label in labels)
        if self.classes is not None:
            names = read_classes(self.classes, table.parent)
            unknown = sorted(labels - set(names))
            if not unknown or not numbers:
                if unknown:
                    raise ValueError(f"{table} has classes that are not in {self.classes}: {listed(unknown)}")
                return _Classes(names, {name: place for place, name in enumerate(names)})
            largest = max(map(int, labels))
            if largest >= len(names):
                raise ValueError(f"{table} has the class {largest}, but {self.classes} names only {len(names)}, from 0")
            return _Classes(names, {label: int(label) for label in labels})
        if numbers:
            largest = max(map(int, labels))
            return _Classes(tuple(map(str, range(max(2, largest + 1)))), {label: int(label) for label in labels})
        names = tuple(sorted(labels))
        if len(names) < 2:
            got = ", ".join(names)
            raise ValueError(
                f"{table} must list at least two classes, got only {got}; or name all of them with classes"
            )
        return _Classes(names, {name: place for place, name in enumerate(names)})


class _Classes(NamedTuple):
    """The names of the classes, and the index of each label in the table."""

    names: tuple[str, ...]
    places: Mapping[str, int]

    def index(self, label: str) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.places[label]


def _column(table: Path, columns: Sequence[str], named: str | None, what: str, known: Iterable[str]) -> int | None:
    """Position of a column; None for splits that are not there."""
    if named is not None:
        if named not in columns:
            raise ValueError(f"{table} has no column {named!r}; {did_you_mean(named, columns)}")
        return columns.index(named)
    found = [place for name in known for place, column in enumerate(columns) if column.lower() == name]
    if not found and what != "split":
        got = ", ".join(map(readable, columns)) or "nothing"
        raise ValueError(
            f"{table}: the first line must name the columns, one of them {what!r} (or set {what}=NAME), got {got}"
        )
    return found[0] if found else None


def _row(table: Path, number: int, cells: Sequence[str], place: Mapping[str, int | None], base: Path) -> _Row:
    def cell(name: str) -> str:
        at = place[name]
        text = cells[at].strip() if at is not None and at < len(cells) else ""
        if not text and at is not None:
            raise ValueError(f"{table}: line {number} has no {name}")
        return text

    split = cell("split").lower()
    if split and split not in (*TRAIN_NAMES, *TEST_NAMES):
        names = ", ".join((*TRAIN_NAMES, *TEST_NAMES))
        raise ValueError(f"{table}: line {number}: split must be one of {names}, got {readable(cell('split'))!r}")
    file = os.path.join(base, Path(cell("file")).expanduser())  # noqa: PTH118 (absolute names stay)
    return _Row(file, readable(cell("label")), TEST_NAMES.index(split) if split in TEST_NAMES else None)


def _check_files(table: Path, base: Path, rows: Sequence[_Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.file in seen:
            raise ValueError(f"{table} lists {readable(row.file)} twice; an image must be in one split, once")
        seen.add(row.file)
    missing = [row.file for row in rows if not Path(row.file).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{table}: {len(missing)} of {len(rows)} files do not exist, the first is {readable(missing[0])}; names "
            f"are relative to {base} (set folder=PATH for another folder)"
        )
