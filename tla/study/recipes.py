"""Recipes: studies as TOML files, shipped or your own."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from tla.config import merge, read_toml
from tla.messages import did_you_mean


def shipped() -> dict[str, Path]:
    """Name and file of every recipe that ships with the package."""
    folder = Path(str(files("tla") / "recipes"))
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def read(name: str) -> dict[str, Any]:
    """The plain values of a recipe.

    Args:
        name: A shipped recipe ("digits"), a TOML file ("my.toml"), or "folder:PATH" for any folder of class folders.

    Raises:
        ValueError: for an unknown recipe or invalid TOML.
    """
    if name.startswith("folder:"):
        path = Path(name.removeprefix("folder:")).expanduser()
        return read("folder") | {"name": path.name or "folder", "source": {"name": "folder", "path": str(path)}}
    recipes = shipped()
    if not name.endswith(".toml"):
        if name not in recipes:
            raise ValueError(f"unknown recipe {name!r}; {did_you_mean(name, recipes)} (or a file that ends in .toml)")
        return _with_base(recipes[name])
    return {"name": Path(name).stem} | _with_base(Path(name))


def _with_base(path: Path) -> dict[str, Any]:
    values = read_toml(path)
    base = values.pop("base", None)
    if base is None:
        return values
    recipes = shipped()
    if base not in recipes:
        raise ValueError(f"{path}: base: unknown recipe {base!r}; {did_you_mean(str(base), recipes)}")
    return merge(_with_base(recipes[base]), values)
