"""`import tla` is cheap, and every name of its stub can be used."""

import ast
import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import tla
from tla.extras import DISTRIBUTION

ROOT = Path(__file__).resolve().parents[1]


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_is_cheap():
    """CPU time, so that other processes do not count; best of three."""
    code = "import time; t = time.process_time(); import tla; print(time.process_time() - t)"
    seconds = min(float(_run(code)) for _ in range(3))
    assert seconds < 0.1


def test_importing_loads_no_heavy_package():
    code = "import tla, sys; tla.__version__; dir(tla); print(*sys.modules)"
    assert not {"torch", "numpy", "pandas", "plotly"} & set(_run(code).split())


def test_a_study_is_opened_without_torch():
    code = "import tla, sys; tla.open_study; tla.Store; print('torch' in sys.modules)"
    assert _run(code) == "False"


@pytest.mark.parametrize("name", tla.__all__)
def test_every_name_can_be_used(name):
    assert getattr(tla, name) is not None
    assert name in dir(tla)


def test_names_are_the_same_objects_everywhere():
    from tla.attacks.pgd import PGD
    from tla.training import train

    assert tla.PGD is PGD
    assert tla.train is train
    assert tla.attacks.PGD is PGD
    assert tla.attacks.BIM is tla.BIM
    assert tla.__version__ == version(DISTRIBUTION)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tla' has no attribute 'PDG'"):
        _ = tla.PDG


def test_a_star_import_gives_every_name():
    code = "import tla; from tla import *; print(*(n for n in tla.__all__ if globals()[n] is not getattr(tla, n)))"
    assert _run(code) == ""


@pytest.mark.parametrize("stub", ["tla/__init__.pyi", "tla/study/__init__.pyi"])
def test_type_checkers_see_the_same_names(stub):
    """A type checker exports only what a stub imports as itself, once."""
    tree = ast.parse((ROOT / stub).read_text())
    aliases = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(alias.asname == alias.name for alias in aliases)
    package = importlib.import_module(str(Path(stub).parent).replace("/", "."))
    declared = [node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)]
    assert sorted(package.__all__) == sorted({alias.name for alias in aliases} | set(declared))
    assert len(set(package.__all__)) == len(package.__all__)


def test_names_are_imported_once(tmp_path, monkeypatch):
    (tmp_path / "lazy_of_test").mkdir()
    (tmp_path / "lazy_of_test" / "__init__.py").write_text(
        "from tla.lazy import attach\n__getattr__, __dir__, __all__ = attach(__name__)\n"
    )
    (tmp_path / "lazy_of_test" / "__init__.pyi").write_text(
        "from lazy_of_test.inner import Thing as Thing\nfrom . import other as other\n"
    )
    (tmp_path / "lazy_of_test" / "inner.py").write_text("class Thing: ...\n")
    (tmp_path / "lazy_of_test" / "other.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("lazy_of_test")
    assert package.__all__ == ["Thing", "other"]
    assert "lazy_of_test.inner" not in sys.modules
    assert package.Thing is sys.modules["lazy_of_test.inner"].Thing
    assert vars(package)["Thing"] is package.Thing
    assert package.other is sys.modules["lazy_of_test.other"]
    with pytest.raises(AttributeError, match="module 'lazy_of_test' has no attribute 'Thin'"):
        _ = package.Thin
