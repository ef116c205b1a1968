"""Recipes: studies as TOML files, shipped or your own."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from tla.config import SOURCE_FORMS, merge, read_toml, source_values
from tla.messages import did_you_mean, readable


def shipped() -> dict[str, Path]:
    """Name and file of every recipe that ships with the package."""
    folder = Path(str(files("tla") / "recipes"))
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def read(name: str) -> dict[str, Any]:
    """The plain values of a recipe.

    Args:
        name: A shipped recipe ("digits"), a TOML file ("my.toml"), "embeddings:FOLDER" (see `tla.study.embeddings`), or
            data of one's own: "folder:PATH" for any folder
            of class folders, and the other forms of `tla.config.source_values`.

    Raises:
        ValueError: for an unknown recipe or invalid TOML.
    """
    if name.startswith("embeddings:"):
        folder = Path(name.removeprefix("embeddings:")).expanduser()
        return {"name": _plain(readable(folder.resolve().name)) or "embeddings", "embeddings": str(folder)}
    if ":" in name and not name.endswith(".toml"):
        source = source_values(name)
        what = str(source[SOURCE_FORMS[source["name"]]])
        if readable(what) != what:
            raise ValueError(
                f"{readable(what)}: this name is not UTF-8, so no study can note it; rename it, or name a link"
            )
        if SOURCE_FORMS[source["name"]] == "path":
            source[SOURCE_FORMS[source["name"]]] = str(Path(what).expanduser())
        return read("folder") | {"name": _study_name(source["name"], what), "source": source}
    recipes = shipped()
    if not name.endswith(".toml"):
        if name not in recipes:
            raise ValueError(f"unknown recipe {name!r}; {did_you_mean(name, recipes)} (or a file that ends in .toml)")
        return _with_base(recipes[name])
    return {"name": Path(name).stem} | _with_base(Path(name))


def _study_name(kind: str, what: str) -> str:
    """The name of a study of a data source: that of the folder, the file without its suffix, or the function."""
    if kind in ("folder", "study"):
        name = Path(what).expanduser().name + ("-again" if kind == "study" else "")
    elif kind in ("csv", "npz"):
        name = Path(what).stem
    else:
        name = what.rpartition(":")[2].lower()
    return _plain(readable(name)) or kind


def _plain(name: str) -> str:
    """A folder's name as a study's: without signs that could lead elsewhere."""
    return re.sub(r"[\\:\x00-\x1f]", "-", name).lstrip(".- ").rstrip()[:60]


def _with_base(path: Path) -> dict[str, Any]:
    values = read_toml(path)
    base = values.pop("base", None)
    if base is None:
        return values
    recipes = shipped()
    if not isinstance(base, str) or base not in recipes:
        raise ValueError(f"{path}: base: unknown recipe {base!r}; {did_you_mean(str(base), recipes)}")
    return merge(_with_base(recipes[base]), values)
