"""Finds study folders: your own first, then those that ship."""

import os
from importlib.resources import files
from pathlib import Path

from tla.messages import did_you_mean
from tla.store import Store

VARIABLE = "TLA_STUDIES"
SHIPPED = " (shipped)"
"""After its name, a study that ships, even where one of yours hides it."""


def shipped_studies() -> Path:
    """Folder of the studies that ship with the package."""
    return Path(str(files("tla") / "shipped"))


def own_studies() -> Path:
    """Folder of your own studies: the variable TLA_STUDIES, else studies/ in the working folder."""
    return Path(os.environ.get(VARIABLE) or "studies").expanduser()


def available(root: Path | None = None) -> dict[str, Path]:
    """Name and folder of every study; your own hides a shipped one of the same name.

    Args:
        root: Folder of your own studies; by default `own_studies`.
    """
    found: dict[str, Path] = {}
    for folder in (shipped_studies(), own_studies() if root is None else root):
        for manifest in sorted(folder.glob("*/manifest.json")):
            found[manifest.parent.name] = manifest.parent
    return found


def open_study(name: str | Path, root: Path | None = None) -> Store:
    """Open a study.

    Args:
        name: A study folder, or the name of one under `root` or among the shipped ones ("digits"). Your own hides a
            shipped one of the same name; "digits (shipped)" is always the shipped one.
        root: Folder of your own studies; by default `own_studies`.

    Raises:
        FileNotFoundError: if there is no such study; lists those there are.
    """
    path = Path(name)
    path = path.expanduser() if path.parts[:1] == ("~",) else path
    if (path / "manifest.json").exists():
        return Store(path)
    root = own_studies() if root is None else root
    studies = available(root)
    always = {f"{one.parent.name}{SHIPPED}": one.parent for one in shipped_studies().glob("*/manifest.json")}
    if str(name) in always:
        return Store(always[str(name)])
    if str(name) not in studies:
        hint = did_you_mean(str(name), studies) if studies else f"none are under {root}/; make one: tla study digits"
        where = f" (your own are looked for in {root}/; the variable {VARIABLE} names another folder)"
        raise FileNotFoundError(f"there is no study {str(name)!r}; {hint}{where if studies else ''}")
    return Store(studies[str(name)])


def name_of(folder: Path) -> str:
    """What `open_study` finds a study by, whatever the working folder.

    Its name if it ships, or if it lies in the folder that the variable TLA_STUDIES names: it travels to another machine
    with the variable. Else its path, from the home folder where it is there.

    Args:
        folder: The study folder.
    """
    folder, root = folder.resolve(), own_studies()
    if folder.parent == shipped_studies().resolve():
        return f"{folder.name}{SHIPPED}" if (root / folder.name / "manifest.json").exists() else folder.name
    if root.is_absolute() and os.environ.get(VARIABLE) and folder.parent == root.resolve():
        return folder.name
    home = Path.home()
    return f"~/{folder.relative_to(home).as_posix()}" if folder.is_relative_to(home) else str(folder)
