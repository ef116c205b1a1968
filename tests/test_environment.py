"""Versions are set in pyproject.toml; every other file that names one agrees with it."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tla.extras import DISTRIBUTION, PIP_LINES

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CORE = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines] for name, lines in PROJECT["project"]["optional-dependencies"].items()
}
NOT_IN_ALL = ("peers", "robustbench")
CONDA_NAMES = {"pytorch-gpu": "torch", "pytorch-cuda": "torch"}


def _conda() -> tuple[list[str], list[str]]:
    lines = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    return [line for line in lines if isinstance(line, str)], next(
        line["pip"] for line in lines if isinstance(line, dict)
    )


def _pinned() -> dict[str, Version]:
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    pairs = [line.split("==") for line in lines if line]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def test_conda_has_the_versions_of_pyproject():
    conda, pip = _conda()
    wanted = {canonicalize_name(requirement.name): requirement.specifier for requirement in CORE}
    compared = set()
    for line in [*conda, *pip]:
        name, bound = re.fullmatch(r"([\w.-]+?)([<>=].*)?", line.replace("-e .[all]", "all")).groups()
        if bound and name != "python":
            assert SpecifierSet(bound) == wanted[CONDA_NAMES.get(name, name)], line
            compared.add(name)
    assert compared == {"pytorch-gpu", "torchvision", "faiss-gpu"}
    assert "-e .[all]" in pip


def test_conda_has_the_oldest_python_allowed():
    (python,) = [line.split("=")[1] for line in _conda()[0] if line.startswith("python=")]
    assert f">={python}" == PROJECT["project"]["requires-python"]
    assert PROJECT["tool"]["pyright"]["pythonVersion"] == python
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{python.replace('.', '')}"
    assert f"Programming Language :: Python :: {python}" in PROJECT["project"]["classifiers"]


@pytest.mark.parametrize("requirement", [*CORE, *(r for name in EXTRAS for r in EXTRAS[name])], ids=str)
def test_every_requirement_is_pinned_within_its_bounds(requirement):
    """Every package in pyproject.toml for this platform is pinned, at a version that it allows."""
    pinned = _pinned()
    name = canonicalize_name(requirement.name)
    if name == DISTRIBUTION or name not in pinned:
        optional = {canonicalize_name(r.name) for extra in NOT_IN_ALL for r in EXTRAS[extra]}
        assert name in optional | {"faiss-cpu", DISTRIBUTION}, f"{name} is not in constraints.txt"
    else:
        assert requirement.specifier.contains(pinned[name], prereleases=True)


def test_the_extra_all_has_everything_but_peers_and_what_needs_other_versions():
    (whole,) = EXTRAS["all"]
    assert whole.name == DISTRIBUTION
    assert whole.extras == set(EXTRAS) - {"all", *NOT_IN_ALL}


def test_the_distribution_is_named_once():
    assert PROJECT["project"]["name"] == DISTRIBUTION


@pytest.mark.parametrize("module", sorted(PIP_LINES))
def test_a_pip_line_asks_for_what_an_extra_asks_for(module):
    """So it is right however tla was installed."""
    bounds = {str(requirement) for extra in EXTRAS.values() for requirement in extra}
    asked = re.findall(r"'([^']+)'", PIP_LINES[module])
    assert {str(Requirement(text)) for text in asked} <= bounds
    assert asked or module in ("adv_lib", "fiftyone", "faiss", "umap")


def test_nothing_tells_anybody_to_install_somebody_elses_package():
    """`tla` on the package index is a parser for TLA+."""
    wrong = re.compile(r"tla\[|pip install ['\"]?tla\b(?!-)")
    kinds = ("*.py", "*.md", "*.toml", "*.yml", "*.ipynb", "*.js", "*.html", "Makefile", "Dockerfile")
    files = [file for kind in kinds for file in ROOT.rglob(kind) if not {".venv", ".git"} & set(file.parts)]
    assert len(files) > 300
    assert not [str(file) for file in files if file != Path(__file__) and wrong.search(file.read_text())]


def test_the_citation_names_this_version_and_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]
    paper = citation["preferred-citation"]
    assert [author["family-names"] for author in paper["authors"]] == ["Mao", "Zhong", "Yang", "Vondrick", "Ray"]
    assert (paper["title"], paper["year"]) == ("Metric Learning for Adversarial Robustness", 2019)


def test_the_changelog_starts_with_this_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == PROJECT["project"]["version"]


def test_the_hooks_run_what_make_lint_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks}
    makefile = (ROOT / "Makefile").read_text()
    lint = makefile[makefile.index("\nlint:") :].split("\n\n")[0]
    assert tools == set(re.findall(r"\$\(BIN\)/([\w-]+)", lint))
    installed = {requirement.name for requirement in EXTRAS["dev"]}
    assert {"ruff", "pyright", "import-linter", "pre-commit"} <= installed


def test_the_version_is_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading is not None
    assert heading[1] == version


def test_continuous_integration_runs_the_commands_of_the_readme_with_every_python():
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())
    linux = workflow["jobs"]["linux"]
    runs = [step["run"] for step in linux["steps"] if "run" in step]
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = {line.removeprefix("make ") for line in runs if line.startswith("make ")}
    assert made <= targets
    assert {"study", "test", "test-more"} <= made
    assert all(f"make {name}" in (ROOT / "README.md").read_text() for name in ("study", "test"))
    pythons = {line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if " :: Python :: 3." in line}
    assert set(linux["strategy"]["matrix"]["python"]) == pythons
    assert {"macos-latest", "windows-latest"} == set(workflow["jobs"]["elsewhere"]["strategy"]["matrix"]["system"])
