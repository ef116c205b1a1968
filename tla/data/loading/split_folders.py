"""Which folders of a data set are its splits, and which are its classes."""

import re
from pathlib import Path
from typing import NamedTuple

from tla.data.loading.class_folders import class_folders
from tla.messages import readable

TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing", "val", "valid", "validation", "eval", "evaluation")
"""Names of split folders, in any case; of several test folders the first in this order is the test set."""

_LIKE_A_SPLIT = re.compile(
    r"(train|training|test|testing|tst|val|valid|validation|eval|evaluation|dev)"
    r"([\W_]*(\d+|sets?|data|split|images?|imgs?|pictures?|folder))*[\W_]*",
    re.IGNORECASE,
)


class SplitFolders(NamedTuple):
    """Where a data set's splits are.

    Attributes:
        train: Folder of class folders to train on, or the only one; None if there are only test images.
        test: Folder of class folders to test on; None if there is none.
        notes: What was left out, a sentence each.
    """

    train: Path | None
    test: Path | None
    notes: tuple[str, ...] = ()


def find_splits(folder: Path) -> SplitFolders:
    """Tell split folders from class folders by their names, and by whether they hold folders.

    Args:
        folder: Holds class folders, or split folders that hold class folders.

    Raises:
        ValueError: for folders that look like splits but cannot be read as such; names them and says what to do.
    """
    inside = class_folders(folder)
    train, tests = _named(folder, inside, TRAIN_NAMES), _named(folder, inside, TEST_NAMES)
    alike = [path for path in inside if _LIKE_A_SPLIT.fullmatch(path.name)]
    known = [*train, *tests]
    odd = [path for path in alike if path not in known]
    others = [path for path in inside if path not in alike]
    if train and class_folders(train[0]):
        if not tests and odd:
            raise ValueError(_refused(folder, odd, "the test folder must be called test or val"))
        if tests and not class_folders(tests[0]):
            raise ValueError(_refused(folder, tests[:1], "it holds no class folders, so that nothing says the classes"))
        return SplitFolders(train[0], tests[0] if tests else None, _notes([*tests[1:], *odd, *others]))
    if tests and class_folders(tests[0]) and not train and not others:
        return SplitFolders(None, tests[0], _notes([*tests[1:], *odd]))
    if alike and (not others or len(alike) > 1):
        missing = [readable(path.name) for path in known if not class_folders(path)]
        why = f"{_listed(missing)} must hold one folder per class" if missing else "they must be called train and test"
        raise ValueError(_refused(folder, alike, why))
    return SplitFolders(folder, None)


def _named(folder: Path, inside: tuple[Path, ...], names: tuple[str, ...]) -> list[Path]:
    """The folders with one of these names, in the order of the names."""
    found = [[path for path in inside if path.name.lower() == name] for name in names]
    several = found if names == TEST_NAMES else [[path for paths in found for path in paths]]
    twice = next((paths for paths in several if len(paths) > 1), None)
    if twice is not None:
        raise ValueError(_refused(folder, twice, "only one of them can be that split"))
    return [path for paths in found for path in paths]


def _notes(left_out: list[Path]) -> tuple[str, ...]:
    return (f"left out: {_listed([readable(path.name) for path in left_out])}",) if left_out else ()


def _refused(folder: Path, alike: list[Path], why: str) -> str:
    names = [readable(path.name) for path in alike]
    verb = "looks like a split, not a class" if len(names) == 1 else "look like splits, not classes"
    return (
        f"{readable(str(folder))}: {_listed(names)} {verb}, and {why}; arrange them as train/CLASS/*.png and "
        "test/CLASS/*.png, list the files in a table (csv:FILE), or set splits=false if the names are classes"
    )


def _listed(names: list[str]) -> str:
    few = names[:5]
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(few[:-1]) + " and " + few[-1] if len(few) > 1 and not rest else ", ".join(few)) + rest
