"""`import tla` is cheap, and everything that it promises is there."""

import ast
import importlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import tla

ROOT = Path(__file__).resolve().parents[1]


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_costs_next_to_nothing():
    """Processor time, so that other work on the machine does not count; the best of three."""
    code = "import time; t = time.process_time(); import tla; print(time.process_time() - t)"
    seconds = min(float(_run(code)) for _ in range(3))
    assert seconds < 0.1


def test_importing_brings_no_heavy_package():
    code = "import tla, sys; tla.__version__; dir(tla); print(*sys.modules)"
    assert not {"torch", "numpy", "pandas", "plotly"} & set(_run(code).split())


def test_a_study_is_opened_without_torch():
    code = "import tla, sys; tla.open_study; tla.Store; print('torch' in sys.modules)"
    assert _run(code) == "False"


@pytest.mark.parametrize("name", tla.__all__)
def test_every_promised_name_is_there(name):
    assert getattr(tla, name) is not None
    assert name in dir(tla)


def test_names_read_like_the_paper():
    from tla.attacks.pgd import PGD
    from tla.training import train

    assert tla.PGD is PGD
    assert tla.train is train
    assert tla.attacks.PGD is PGD
    assert tla.__version__ == version("tla")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tla' has no attribute 'PDG'"):
        _ = tla.PDG


def test_editors_see_the_same_names():
    """The block for type checkers and the table for Python say the same."""
    tree = ast.parse((ROOT / "tla" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = set()
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            seen |= {name.asname or name.name for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.module != "tla":
            for name in node.names:
                assert getattr(tla, name.asname or name.name) is getattr(
                    importlib.import_module(node.module), name.name
                )
    assert seen | {"__version__"} == set(tla.__all__)
