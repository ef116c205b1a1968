"""Tiny ImageNet in its official layout."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tla.data.base import SOURCES, Source, Splits, data_roots, find_or_fetch, fingerprint_of
from tla.data.loading.class_folders import Listing, arrange, read_listing
from tla.messages import did_you_mean

_HOW = (
    "Get tiny-imagenet-200.zip (http://cs231n.stanford.edu/tiny-imagenet-200.zip, 237 MB), unzip it into a folder and "
    "name that folder with --data or TLA_DATA"
)


@SOURCES.register("tiny-imagenet")
@dataclass(frozen=True, kw_only=True)
class TinyImageNet(Source):
    """Photographs of up to 200 classes, 64 x 64 pixels (Le & Yang 2015); the validation images are the test split.

    Classes are those of wnids.txt, named by their first word in words.txt.
    """

    downloaded: ClassVar[bool] = True

    def load(self, root: Path | None = None) -> Splits:
        """Train (500 images a class) and test (50 a class).

        Raises:
            ValueError: for a damaged list or picture; names the file.
            FileNotFoundError: if the folder is not found; says where it looked.
        """
        folder = find_or_fetch("tiny-imagenet", self._candidates(root), _holds, None, _HOW)
        ids = tuple(_rows(folder / "wnids.txt", 1)[0])
        classes = _words(folder, ids)
        train = {label: _pictures(folder / "train" / wnid / "images") for label, wnid in enumerate(ids)}
        return Splits(
            read_listing(arrange(folder / "train", train, classes), "tiny-imagenet", "train"),
            read_listing(_validation(folder / "val", ids, classes), "tiny-imagenet", "test"),
        )

    def listing(self, root: Path | None = None) -> str:
        """Names, sizes and times of its files; that of no file if they are not found."""
        found = [path for path in self._candidates(root) if _holds(path)]
        return fingerprint_of(*found[:1])

    def _candidates(self, root: Path | None) -> list[Path]:
        return [folder / "tiny-imagenet-200" for folder in data_roots(root)]


def _holds(folder: Path) -> bool:
    return (folder / "wnids.txt").is_file()


def _pictures(folder: Path) -> list[str]:
    files = sorted(str(file) for file in folder.glob("*.JPEG"))
    if not files:
        raise ValueError(f"{folder} contains no pictures")
    return files


def _validation(folder: Path, ids: tuple[str, ...], classes: tuple[str, ...]) -> Listing:
    file = folder / "val_annotations.txt"
    names, wnids = _rows(file, 2)
    unknown = next((wnid for wnid in wnids if wnid not in ids), None)
    if unknown is not None:
        raise ValueError(f"{file}: unknown class {unknown!r}; {did_you_mean(unknown, ids)}")
    files: dict[int, list[str]] = {label: [] for label in range(len(ids))}
    for name, wnid in sorted(zip(names, wnids, strict=True)):
        files[ids.index(wnid)].append(str(folder / "images" / name))
    return arrange(folder, files, classes)


def _words(folder: Path, ids: tuple[str, ...]) -> tuple[str, ...]:
    """A readable name for each class, with its WordNet id where two names are the same."""
    wnids, words = _rows(folder / "words.txt", 2)
    known = dict(zip(wnids, words, strict=True))
    names = [known.get(wnid, wnid).split(",")[0].strip() for wnid in ids]
    return tuple(name if names.count(name) == 1 else f"{name} ({wnid})" for name, wnid in zip(names, ids, strict=True))


def _rows(file: Path, columns: int) -> list[list[str]]:
    """The first columns of a tab-separated file.

    Raises:
        ValueError: if the file is missing, or a line has too few columns; names both.
    """
    try:
        lines = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: cannot be read ({error})") from None
    for number, line in enumerate(lines, 1):
        if len(line) < columns:
            raise ValueError(f"{file}: line {number} must have {columns} tab-separated columns, got {line}")
    return [[line[column].strip() for line in lines] for column in range(columns)]
