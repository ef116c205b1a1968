"""The house is as docs/architecture.md says: plural folders hold what `tla list` names, one name has one meaning."""

import ast
import importlib
import pkgutil
import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

import tla

ROOT = Path(__file__).parents[1]
REGISTRIES = {
    "tla.attacks": tla.ATTACKS,
    "tla.plots": tla.FIGURES,
    "tla.training.methods": tla.METHODS,
    "tla.representation.detectors": tla.DETECTORS,
    "tla.audit.checks": tla.CHECKS,
    "tla.models": tla.MODELS,
    "tla.data": tla.SOURCES,
    "tla.losses": tla.LOSSES,
    "tla.projection": tla.PROJECTIONS,
}


@pytest.mark.parametrize("package", REGISTRIES)
def test_a_plural_folder_is_its_registry(package):
    """Every module but `base` registers something; what several share lies in a subfolder named after its idea."""
    registry = REGISTRIES[package]
    assert registry.package == package
    homes = {registry.get(name).__module__ for name in registry.names()}
    modules = pkgutil.iter_modules(importlib.import_module(package).__path__)
    idle = [module.name for module in modules if not module.ispkg and f"{package}.{module.name}" not in homes]
    assert idle in ([], ["base"])


def test_every_module_has_a_layer():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(one["layers"] for one in settings["contracts"] if one["type"] == "layers")
    named = {name.strip() for layer in layers for name in layer.split("|")}
    rooms = {f"tla.{module.name}" for module in pkgutil.iter_modules(tla.__path__)} - {"tla.__main__"}
    assert named == rooms


def definitions(kind, *folders):
    """Where each top-level class or function of some folders is defined."""
    found = defaultdict(list)
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, kind):
                    found[node.name].append(str(file.relative_to(ROOT)))
    return found


def test_one_class_name_has_one_meaning():
    twice = {name: files for name, files in definitions(ast.ClassDef, "tla", "app").items() if len(files) > 1}
    assert not twice


@pytest.mark.parametrize("name", ["wilson", "roc_curve", "worst_case", "mcnemar", "student", "bootstrap_mean"])
def test_a_statistic_is_computed_in_one_place(name):
    files = definitions(ast.FunctionDef, "tla", "app", "benchmarks", "notebooks")[name]
    assert len(files) == 1
    assert files[0].startswith("tla/statistics/")


def test_what_the_documents_link_to_is_there():
    """Pictures and files named in a Markdown link; the README once showed two pictures that nobody had drawn."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.md")]
    links = [(file, link) for file in documents for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", file.read_text())]
    assert len(links) > 60
    made = ("notebooks/index.md", "reference/index.md")  # by the documentation site, which checks them itself
    local = [(file, link) for file, link in links if not re.match(r"\w+://|mailto:", link) and link not in made]
    assert not [f"{file.name}: {link}" for file, link in local if not (file.parent / link).exists()]
