"""Registries find classes by name, and a mistyped name gets a hint."""

import sys
from pathlib import Path

import pytest

from tla.messages import did_you_mean
from tla.registry import Registry


@pytest.fixture
def shapes(tmp_path: Path, monkeypatch):
    """A package of two modules, laid out like those of the project."""
    package = tmp_path / "shapes_of_test"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from tla.registry import Registry\nSHAPES = Registry('shape', 'shapes_of_test')\n"
    )
    one = "from dataclasses import dataclass\nfrom shapes_of_test import SHAPES\n\n@SHAPES.register('{name}')\n"
    one += "@dataclass(frozen=True, kw_only=True)\nclass {cls}:\n    size: int = 1\n"
    (package / "disc.py").write_text(one.format(name="flat-disc", cls="Disc"))
    (package / "cube.py").write_text(one.format(name="cube", cls="Cube"))
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("shapes_of_test").SHAPES
    for name in [name for name in sys.modules if name.startswith("shapes_of_test")]:
        del sys.modules[name]


def test_modules_are_found_at_the_first_lookup(shapes):
    assert shapes.names() == ("cube", "flat-disc")
    assert shapes.get("cube").__name__ == "Cube"


def test_hyphen_and_underscore_are_the_same(shapes):
    assert shapes.get("flat_disc") is shapes.get("flat-disc")
    assert shapes.name_of(shapes.build("flat_disc")) == "flat-disc"


def test_build_checks_keys_and_types(shapes):
    assert shapes.build("cube", size=3).size == 3
    with pytest.raises(ValueError, match=r"shape 'cube'\.siez: unknown key for Cube; did you mean 'size'\?"):
        shapes.build("cube", siez=3)
    with pytest.raises(ValueError, match=r"shape 'cube'\.size: must be a whole number, got '3'"):
        shapes.build("cube", size="3")


def test_an_unknown_name_gets_a_hint(shapes):
    with pytest.raises(ValueError, match="unknown shape 'cubes'; did you mean 'cube'\\? Known: cube, flat-disc"):
        shapes.get("cubes")


def test_name_of_an_unregistered_object(shapes):
    with pytest.raises(ValueError, match="int is not a registered shape"):
        shapes.name_of(3)


def test_a_name_is_registered_once():
    registry = Registry("thing", "tla")

    @registry.register("some-thing")
    class One:
        pass

    for name in ("some-thing", "some_thing"):
        with pytest.raises(ValueError, match=f"thing '{name}' is registered twice"):
            registry.register(name)(type("Two", (), {}))
    again = type("One", (), {"__qualname__": One.__qualname__, "__module__": One.__module__})
    registry.register("some-thing")(again)


def test_classes_of_one_name_in_two_modules_differ():
    registry = Registry("thing", "tla")
    registry.register("a")(type("Same", (), {"__module__": "first"}))
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("a")(type("Same", (), {"__module__": "second"}))


@pytest.mark.parametrize(
    ("word", "hint"),
    [("stpes", "did you mean 'steps'? Known: eps, steps"), ("zzz", "Known: eps, steps")],
)
def test_did_you_mean(word, hint):
    assert did_you_mean(word, ["steps", "eps"]) == hint
