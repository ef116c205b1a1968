"""What the documentation site has beside the files of docs/: the notebooks as they were run, and the reference."""

import ast
import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

ROOT = Path(__file__).parents[1]
SHIM = "https://unpkg.com/iframe-worker/shim"
"""What the theme would load for the search of pages that are opened from disk."""
PACKAGES = {
    "attacks": "Attacks, goals, evaluation",
    "threat": "Threat: norm and radius",
    "losses": "Losses",
    "training": "Training",
    "models": "Models, own and given",
    "data": "Data",
    "audit": "Audit",
    "representation": "Shift, structure, detectors",
    "retrieval": "Neighbours and retrieval",
    "projection": "Maps",
    "statistics": "Intervals, ROC, risk and coverage",
    "plots": "Figures",
    "study": "Studies",
    "weights": "Trained weights that ship",
}
"""Packages with a page in the reference, in the order of the menu."""


@event_priority(100)  # before the plugin that turns notebooks into pages
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the notebooks, the reference, and the dashboard's icon."""
    here = {"dest_dir": config.site_dir, "use_directory_urls": config.use_directory_urls}
    for file in notebooks():
        files.append(File(f"notebooks/{file.name}", src_dir=str(ROOT), **here))
    files.append(File("icon.svg", src_dir=str(ROOT / "app" / "board" / "components"), **here))
    files.append(File.generated(config, "notebooks/index.md", content=contents()))
    files.append(File.generated(config, "reference/index.md", content=overview()))
    for package, title in PACKAGES.items():
        files.append(File.generated(config, f"reference/{package}.md", content=reference(package, title)))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put notebooks and reference into the menu."""
    pages: dict[str, list[Any]] = {
        "notebooks/": ["notebooks/index.md", *(f"notebooks/{file.name}" for file in notebooks())],
        "reference/": ["reference/index.md", *(f"reference/{package}.md" for package in PACKAGES)],
    }
    for entry in config.nav or []:
        for title, place in entry.items():
            if isinstance(place, str) and place in pages:
                entry[title] = pages[place]
    return config


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Take the worker for pages on disk from here, not from the network."""
    return output.replace(SHIM, get_relative_url("file_worker.js", page.url))


def notebooks() -> list[Path]:
    """The notebooks in their order."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def contents() -> str:
    """The page that lists the notebooks."""
    lines = ["# Notebooks", "", "One per figure, shown as they were last run. `tla notebooks FOLDER` copies them.", ""]
    return "\n".join(lines + [f"- [{heading(file)}]({file.name})" for file in notebooks()])


def heading(notebook: Path) -> str:
    """The first heading of a notebook."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    lines = (line for cell in cells if cell["cell_type"] == "markdown" for line in "".join(cell["source"]).splitlines())
    return next(line.lstrip("# ") for line in lines if line.startswith("# "))


def overview() -> str:
    """The first page of the reference."""
    lines = [
        "# Reference",
        "",
        "Every public name, by package. Images are tensors of shape (n, c, h, w) in [0, 1]; smaller distances are "
        "closer. The most used ones can be had from `tla` itself: `tla.PGD`, `tla.Threat`, `tla.train`, `tla.examine`, "
        "`tla.explore`.",
        "",
    ]
    return "\n".join(lines + [f"- [`tla.{package}`]({package}.md): {title}" for package, title in PACKAGES.items()])


def reference(package: str, title: str) -> str:
    """The page of a package: its docstring and its public names."""
    lines = [f"# {title}", "", f"::: tla.{package}", "    options:"]
    lines += ["      show_root_heading: false", "      show_root_toc_entry: false", "      members:"]
    return "\n".join(lines + [f"        - {name}" for name in public(package)])


def public(package: str) -> list[str]:
    """The names in `__all__` of a package, or the public ones of a module."""
    place = ROOT / "tla" / package
    file = next(
        one for one in (place / "__init__.pyi", place / "__init__.py", place.with_suffix(".py")) if one.exists()
    )
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "__all__" for one in node.targets):
            return list(ast.literal_eval(node.value))
    imported = [
        name.asname for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names if name.asname
    ]
    if file.suffix == ".pyi":
        return imported
    kinds = (ast.ClassDef, ast.FunctionDef)
    return [node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
