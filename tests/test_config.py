"""Dataclasses to and from plain values: strict, stable, with the key in every message."""

import tomllib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from tla.config import digest, from_dict, merge, read_toml, to_dict
from tla.registry import Registry


class Tool(ABC):
    """An abstract class with a registry, as attacks and sources have."""

    registry: ClassVar[Registry]

    @abstractmethod
    def use(self) -> int: ...


TOOLS: Registry = Registry("tool", "tla")
TOOLS._loaded = True
Tool.registry = TOOLS


@TOOLS.register("saw")
@dataclass(frozen=True, kw_only=True)
class Saw(Tool):
    teeth: int = 10

    def __post_init__(self) -> None:
        if self.teeth < 1:
            raise ValueError(f"teeth must be >= 1, got {self.teeth}")

    def use(self) -> int:
        return self.teeth


@TOOLS.register("hammer")
@dataclass(frozen=True, kw_only=True)
class Hammer(Tool):
    weight: float = 1.5

    def use(self) -> int:
        return 1


@dataclass(frozen=True, kw_only=True)
class Part:
    steps: int = 3
    eps: float = 0.3
    norm: Literal["linf", "l2"] = "linf"
    on: bool = True
    folder: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Whole:
    name: str
    part: Part = field(default_factory=Part)
    tool: Tool = field(default_factory=Saw)
    box: dict[str, Tool] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    pair: tuple[int, str] = (1, "a")
    extra: dict[str, Any] = field(default_factory=dict)


def test_plain_values_become_nested_dataclasses():
    text = """
    name = "mine"
    seeds = [1, 2]
    [part]
    eps = 1
    folder = "some/where"
    [tool]
    name = "hammer"
    weight = 2
    [box]
    small = { name = "saw", teeth = 4 }
    big = "hammer"
    """
    whole = from_dict(Whole, tomllib.loads(text))
    assert whole.part == Part(eps=1.0, folder=Path("some/where"))
    assert isinstance(whole.part.eps, float)
    assert whole.tool == Hammer(weight=2.0)
    assert whole.box == {"small": Saw(teeth=4), "big": Hammer()}
    assert whole.seeds == (1, 2)


def test_a_round_trip_changes_nothing():
    whole = Whole(name="a", tool=Hammer(weight=3.0), box={"x": Saw(teeth=2)}, part=Part(folder=Path("d")), seeds=(4, 5))
    plain = to_dict(whole)
    assert plain["part"]["folder"] == "d"
    assert from_dict(Whole, plain) == whole
    assert "folder" not in to_dict(Part())


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Whole.name: missing"),
        ({"name": 3}, "Whole.name: must be a string, got 3"),
        ({"name": "a", "nmae": 1}, "Whole.nmae: unknown key for Whole; did you mean 'name'?"),
        ({"name": "a", "part": {"stpes": 1}}, "Whole.part.stpes: unknown key for Part; did you mean 'steps'?"),
        ({"name": "a", "part": {"steps": 1.5}}, "Whole.part.steps: must be a whole number, got 1.5"),
        ({"name": "a", "part": {"steps": True}}, "Whole.part.steps: must be a whole number, got True"),
        ({"name": "a", "part": {"eps": "big"}}, "Whole.part.eps: must be a number, got 'big'"),
        ({"name": "a", "part": {"on": 1}}, "Whole.part.on: must be true or false, got 1"),
        ({"name": "a", "part": {"norm": "l3"}}, "Whole.part.norm: must be one of 'linf', 'l2', got 'l3'"),
        ({"name": "a", "part": 4}, "Whole.part: must be a table of settings, got 4"),
        ({"name": "a", "seeds": 4}, "Whole.seeds: must be a list, got 4"),
        ({"name": "a", "seeds": [0, "b"]}, "Whole.seeds[1]: must be a whole number, got 'b'"),
        ({"name": "a", "pair": [1]}, "Whole.pair: must be a list of 2, got 1"),
        ({"name": "a", "tool": {"teeth": 3}}, "Whole.tool.name: missing; Known: hammer, saw"),
        ({"name": "a", "tool": "sawe"}, "unknown tool 'sawe'; did you mean 'saw'?"),
        ({"name": "a", "tool": {"name": 3}}, "Whole.tool.name: must be a string, got 3"),
        ({"name": "a", "tool": {"name": "saw", "teeth": 0}}, "Whole.tool: teeth must be >= 1, got 0"),
        ({"name": "a", "tool": {"name": "hammer", "teeth": 1}}, "Whole.tool.teeth: unknown key for Hammer"),
        ({"name": "a", "box": [1]}, "Whole.box: must be a table, got [1]"),
    ],
)
def test_a_mistake_is_reported_with_its_key(values, text):
    with pytest.raises(ValueError) as caught:
        from_dict(Whole, values)
    assert text in str(caught.value)


def test_a_concrete_class_rejects_the_name_of_another():
    assert from_dict(Saw, {"name": "saw", "teeth": 2}) == Saw(teeth=2)
    with pytest.raises(ValueError, match=r"Saw\.name: must be a Saw, got 'hammer'"):
        from_dict(Saw, {"name": "hammer"})


def test_digest_depends_only_on_content():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(Part()) == digest(Part(eps=0.3)) != digest(Part(eps=0.31))
    assert digest(Saw()) != digest(Hammer())
    assert digest(Part(folder=Path("x"))) == digest(Part(folder=Path("x")))
    assert len(digest(1)) == 16


def test_digest_rejects_values_that_are_not_plain():
    with pytest.raises(TypeError):
        digest({"pixels": np.zeros(3)})


def test_merge_nests():
    base = {"a": {"x": 1, "y": 2}, "attack": {"name": "pgd", "steps": 7}, "tool": "saw", "n": 1}
    assert merge(base, {"a": {"y": 3}, "n": 2})["a"] == {"x": 1, "y": 3}
    assert merge(base, {"attack": {"steps": 9}})["attack"] == {"name": "pgd", "steps": 9}
    assert merge(base, {"attack": {"name": "mim"}})["attack"] == {"name": "mim"}
    assert merge(base, {"attack": "mim"})["attack"] == "mim"
    assert merge(base, {"tool": {"teeth": 3}})["tool"] == {"name": "saw", "teeth": 3}
    assert base["a"] == {"x": 1, "y": 2}


def test_read_toml_names_the_file(tmp_path: Path):
    with pytest.raises(ValueError, match=r"nowhere\.toml: there is no such recipe"):
        read_toml(tmp_path / "nowhere.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("a = = 1")
    with pytest.raises(ValueError, match=r"bad\.toml: not valid TOML: .*line 1"):
        read_toml(bad)
