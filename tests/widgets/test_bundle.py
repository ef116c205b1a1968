"""The modules of the room: one text per holder, each module in its own scope, no copy anywhere."""

import re
from pathlib import Path

import pytest

from tla.widgets.bundle import MODULES, ordered, script, shades, source, styles

ROOT = Path(__file__).parents[2]
NAMES = sorted(file.stem for file in MODULES.glob("*.js"))
HOLDERS = ("streamlit", "notebook", "page")
MOUNTED = [name for name in NAMES if re.search(r"^export (function|const) mount\b", source(name), re.MULTILINE)]


def test_all_modules_are_in_this_room():
    # scripts that are no part of a page: a benchmark's, the documentation site's, and what was built
    elsewhere = {".venv", ".git", "benchmarks", "docs", "build", "site"}
    others = [file for file in ROOT.rglob("*.js") if MODULES not in file.parents and not elsewhere & set(file.parts)]
    assert others == []


def test_no_module_knows_who_holds_it():
    words = re.compile(
        r"streamlit|jupyter|anywidget|setStateValue|setTriggerValue|model\.(get|set|on)\b", re.IGNORECASE
    )
    knowing = [name for name in NAMES if name not in HOLDERS and name != "theme" and words.search(source(name))]
    assert knowing == []
    assert not words.search("".join(styles(name) for name in MOUNTED))


def test_modules_come_after_what_they_import():
    order = ordered("explorer")
    assert order[-1] == "explorer"
    for name in order:
        for other in re.findall(r'from "\./([\w-]+)\.js"', source(name)):
            assert order.index(other) < order.index(name)


def test_every_import_is_one_that_is_put_together():
    for name in NAMES:
        for line in source(name).splitlines():
            if line.startswith("import"):
                assert re.fullmatch(r'import \{[^}]*\} from "\./[\w-]+\.js";', line), f"{name}: {line}"


def test_an_unknown_module_is_named():
    with pytest.raises(ValueError, match=r"module must be one of .*explorer.*, got 'explorr'"):
        script("explorr", "page")


def test_the_colours_are_those_of_the_figures():
    from tla.plots.drawing.theme import DARK_TEN, LIGHT_TEN

    assert shades()["light"]["ten"] == list(LIGHT_TEN)
    assert shades()["dark"]["ten"] == list(DARK_TEN)


@pytest.mark.browser
@pytest.mark.parametrize("holder", ["streamlit", "notebook"])
def test_every_bundle_is_a_module(chromium, holder):
    page = chromium.new_page()
    page.goto("about:blank")
    load = """async (text) => {
      const address = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
      return typeof (await import(address)).default }"""
    for name in MOUNTED:
        assert page.evaluate(load, script(name, holder)) == {"streamlit": "function", "notebook": "object"}[holder]
    page.close()
