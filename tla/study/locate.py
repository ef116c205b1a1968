"""Finds study folders: your own first, then those that ship."""

from importlib.resources import files
from pathlib import Path

from tla.messages import did_you_mean
from tla.store import Store


def shipped_studies() -> Path:
    """Folder of the studies that ship with the package."""
    return Path(str(files("tla") / "shipped"))


def available(root: Path = Path("studies")) -> dict[str, Path]:
    """Name and folder of every study; your own hides a shipped one of the same name.

    Args:
        root: Folder of your own studies.
    """
    found: dict[str, Path] = {}
    for folder in (shipped_studies(), root):
        for manifest in sorted(folder.glob("*/manifest.json")):
            found[manifest.parent.name] = manifest.parent
    return found


def open_study(name: str | Path, root: Path = Path("studies")) -> Store:
    """Open a study.

    Args:
        name: A study folder, or the name of one under `root` or among the shipped ones ("digits").
        root: Folder of your own studies.

    Raises:
        FileNotFoundError: if there is no such study; lists those there are.
    """
    path = Path(name)
    if (path / "manifest.json").exists():
        return Store(path)
    studies = available(root)
    if str(name) not in studies:
        hint = did_you_mean(str(name), studies) if studies else f"none are under {root}/; make one: tla study digits"
        raise FileNotFoundError(f"there is no study {str(name)!r}; {hint}")
    return Store(studies[str(name)])
