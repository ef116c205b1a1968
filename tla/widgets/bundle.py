"""The ES modules of `modules/`, put together for whoever holds them: a Streamlit component, a notebook, a saved page.

None of the three can follow a module's relative imports (there is no server, or none that serves files), so a module
and those it imports become one text, each in a scope of its own.
"""

import json
import re
from functools import cache
from pathlib import Path

from tla.plots.drawing.theme import DARK_SHADES, FONT, LIGHT_SHADES, Shades

MODULES = Path(__file__).parent / "modules"
ACCENT = {"light": "#2b4f81", "dark": "#8db4e8"}
"""Colour of what is pressed or focused; as in app/.streamlit/config.toml."""
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (const|let|function|async function|class) (\w+)", re.MULTILINE)
_EXPORT_LIST = re.compile(r"^export \{([^}]*)\};\n?", re.MULTILINE)
_DESTRUCTURED = re.compile(r"^export const \[([^\]]*)\]", re.MULTILINE)


def script(name: str, holder: str) -> str:
    """One ES module that lets a holder show a module.

    Args:
        name: The module, "explorer" for modules/explorer.js; it exports `mount(root, data, {set, fire})`.
        holder: "streamlit", "notebook" or "page": the module whose `hold` turns `mount` into what the holder expects.
    """
    parts = [_scoped(one) for one in ordered(name, holder)]
    style = "" if holder == "streamlit" else f", {json.dumps(styles(name))}"  # Streamlit takes the styles by themselves
    return "\n".join([*parts, f"export default ${holder}.hold(${name}.mount{style});\n"])


@cache
def styles(name: str) -> str:
    """The style sheets of a module and of all that it imports."""
    names = ["base", *ordered(name)]
    return "\n".join(_read(file) for one in names if (file := MODULES / f"{one}.css").exists())


def ordered(*names: str) -> list[str]:
    """Modules and all that they import, each after those that it imports itself.

    Raises:
        ValueError: for a name that is not in `modules/`, or modules that import each other.
    """
    found: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ValueError(f"modules import each other: {' -> '.join((*path, name))}")
        if name not in found:
            for _, other in _IMPORT.findall(source(name)):
                visit(other, (*path, name))
            found.append(name)

    for name in names:
        visit(name, ())
    return found


def source(name: str) -> str:
    """The text of a module; `shades` is made of the colours of the figures, so that they are written once.

    Raises:
        ValueError: for a name that is not in `modules/`.
    """
    if name == "shades":
        return f"export const SHADES = {json.dumps(shades())};\n"
    file = MODULES / f"{name}.js"
    if not file.exists():
        known = ", ".join(sorted(one.stem for one in MODULES.glob("*.js")))
        raise ValueError(f"module must be one of {known}, got {name!r}")
    return _read(file)


def shades() -> dict[str, object]:
    """The figures' colours as the modules take them, by theme."""

    def plain(theme: str, shade: Shades) -> dict[str, object]:
        return shade._asdict() | {"ten": list(shade.ten), "accent": ACCENT[theme]}

    return {"light": plain("light", LIGHT_SHADES), "dark": plain("dark", DARK_SHADES), "font": FONT}


@cache
def _scoped(name: str) -> str:
    """A module as `const $name = (() => {...})();`: what it exports is what the function returns."""
    text = source(name)
    exported = [one for _, one in _EXPORT.findall(text)]
    for names in (*_EXPORT_LIST.findall(text), *_DESTRUCTURED.findall(text)):
        exported += [one.strip() for one in names.split(",") if one.strip()]
    text = _IMPORT.sub(lambda found: f"const {{{found[1].replace(' as ', ': ')}}} = ${found[2]};\n", text)
    text = _EXPORT_LIST.sub("", text)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"const ${name} = (() => {{\n{text}return {{ {', '.join(dict.fromkeys(exported))} }};\n}})();"


@cache
def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
