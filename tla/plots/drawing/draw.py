"""Draw any figure of any study by name, from the tables that the figure declares."""

import contextlib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tla.plots.base import FIGURES, Figure
from tla.plots.drawing.options import checked
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.theme import Look
from tla.statistics.conditions import of_condition
from tla.store import DamagedFileError, Store


def look_of(store: Store, **more: Any) -> Look:
    """The look for a study's figures: its class names, and the source for their captions.

    Args:
        store: The study.
        more: Further arguments of `Look`.
    """
    manifest = store.manifest()
    data = manifest.get("data", {})
    classes = tuple(str(name) for name in data.get("classes", ()))
    condition = str((manifest.get("embeddings") or {}).get("main", ""))
    own = {"classes": classes, "source": source_line(manifest, store.path.name), "condition": condition}
    own["shared"] = bool(data.get("shared"))
    return Look(**own | more)


def source_line(manifest: dict[str, Any], fallback: str = "") -> str:
    """Data set, seeds and hardware of a study in one line.

    Args:
        manifest: The study's manifest.
        fallback: The study's name, if the manifest has none.
    """
    study = manifest.get("study", {})
    study = study if isinstance(study, dict) else {}
    hardware = manifest.get("hardware", {})
    parts = [f"study {study.get('name') or fallback}"]
    seeds = study.get("seeds")
    if seeds is not None:
        parts.append(f"seed{'s' if len(seeds) > 1 else ''} {', '.join(str(seed) for seed in seeds)}")
    if isinstance(hardware, dict) and hardware.get("device"):
        threads = hardware.get("threads")
        parts.append(f"{hardware['device']}" + (f", {threads} thread{'s' if threads != 1 else ''}" if threads else ""))
    return "; ".join(part for part in parts if part.strip())


def draw(
    name: str,
    store: Store,
    /,
    *,
    look: Look | None = None,
    dark: bool = False,
    condition: str | None = None,
    **options: Any,
) -> Figure:
    """Draw a registered figure from a study's tables (and its pictures, if the figure shows any).

    Args:
        name: Name of the figure, see `FIGURES.names()`.
        store: The study.
        look: Theme, width, source; by default taken from the study's manifest.
        dark: Use the dark theme if no look is given.
        condition: In a study of embeddings, the condition to draw; by default the look's, else the study's main one.
        options: The figure's own keyword arguments.

    Raises:
        ValueError: for an unknown figure (names the nearest), an unknown option or condition (lists the known ones),
            or a value that an option does not take.
        DamagedFileError: if a table lacks a column; names both.
        FileNotFoundError: if the study lacks a table that the figure needs; lists those it has.
    """
    function = FIGURES.get(name)
    parameters = inspect.signature(function).parameters
    unknown = {option: options[option] for option in options if option not in parameters}
    checked(name, function, unknown, ())
    look = look or look_of(store, theme="dark" if dark else "light")
    if condition is not None:
        look = replace(look, condition=_known_condition(store, condition))
    frames = [of_condition(store.table(table), look.condition) for table in function.tables]
    options = checked(name, function, options, frames)
    extra: dict[str, Any] = {
        table: of_condition(store.table(table), look.condition) for table in function.optional if store.has_table(table)
    }
    if function.example is not None:
        extra |= function.example(store)
    if "pictures" in parameters and "pictures" not in options:
        extra["pictures"] = Pictures.of(store, models_of(store), look.condition)
    with naming_columns(store, dict(zip(function.tables, frames, strict=True)) | extra):
        return function(*frames, look=look, **(extra | options))


def _known_condition(store: Store, condition: str) -> str:
    known = (store.manifest().get("embeddings") or {}).get("conditions", [])
    if condition not in known:
        has = f"it has {', '.join(known)}" if known else "it is not a study of embeddings"
        raise ValueError(f"{store.path} has no condition {condition!r}; {has}")
    return condition


@contextlib.contextmanager
def naming_columns(store: Store, tables: Mapping[str, Any]) -> Iterator[None]:
    """Turn the KeyError of a missing column into a sentence that names the table.

    Args:
        store: The study.
        tables: Name and frame; anything that is no frame is left out.

    Raises:
        DamagedFileError: if a column is missing.
    """
    try:
        yield
    except KeyError as error:
        text = str(error.args[0]) if error.args else ""
        frames = {name: set(frame.columns) for name, frame in tables.items() if hasattr(frame, "columns")}
        for column in re.findall(r"'([^']+)'", text) or [text]:
            lacking = [repr(name) for name, columns in frames.items() if column not in columns]
            if lacking:
                raise DamagedFileError(
                    f"{store.path}: the table {' or '.join(lacking)} has no column {column!r}; another version wrote "
                    "it, or it was edited: run the study again, or restore the file"
                ) from None
        raise


def models_of(store: Store) -> tuple[str, ...]:
    """Names of the models whose adversarial images a study stores, "at-seed0"."""
    return tuple(sorted(file.stem for file in (store.path / "arrays" / "adversarial").glob("[!.]*.safetensors")))
