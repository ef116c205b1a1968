"""The documentation site: built without a warning, complete, and found through without a network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("mkdocs", reason="the extra 'docs' is not installed")
pytest.importorskip("mkdocstrings", reason="the extra 'docs' is not installed")
pytestmark = pytest.mark.more
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", folder]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "WARNING" not in ended.stdout + ended.stderr
    return folder


def test_every_document_notebook_and_package_has_a_page(site):
    pages = {str(file.relative_to(site).with_suffix("")) for file in site.rglob("*.html")}
    wanted = {file.stem for file in (ROOT / "docs").glob("*.md")}
    wanted |= {f"notebooks/{file.stem}" for file in (ROOT / "notebooks").glob("*.ipynb")}
    assert wanted <= pages
    named = yaml.safe_load((ROOT / "mkdocs.yml").read_text().replace("!!python", "#"))["nav"]
    assert len(named[1]["Five roads"]) == 5
    packages = {file.parent.name for file in (ROOT / "tla").glob("*/__init__.py")} - {"cli", "widgets"}
    assert {f"reference/{name}" for name in packages} <= pages


def test_the_reference_has_what_a_researcher_looks_up(site):
    text = (site / "reference" / "attacks.html").read_text()
    for word in ("tla.attacks.PGD", "tla.attacks.Targeted", "tla.attacks.evaluate", "step_size"):
        assert word in text, word
    assert "tla.training.TrainConfig" in (site / "reference" / "training.html").read_text()
    assert "tla.study.examine" in (site / "reference" / "study.html").read_text()


@pytest.mark.browser
def test_it_can_be_searched_from_disk_and_asks_for_nothing_outside(site, chromium):
    for path in ("index.html", "reference/attacks.html"):
        page = chromium.new_page(viewport={"width": 1300, "height": 900})
        said = []
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        page.on("request", lambda one, said=said: said.append(one.url) if one.url.startswith("http") else None)
        page.goto((site / path).as_uri())
        page.locator("input.md-search__input").first.fill("centroid")
        page.wait_for_function("/\\d+ matching/.test(document.querySelector('.md-search-result__meta')?.textContent)")
        assert page.locator(".md-search-result__link").count() > 0
        assert not said
        page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 420])
def test_no_page_is_wider_than_its_window(site, chromium, width, scheme):
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    for path in ("index", "see", "results", "audit", "reference/representation", "notebooks/16_explore"):
        page.goto((site / f"{path}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.context.close()
