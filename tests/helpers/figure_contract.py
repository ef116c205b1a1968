"""The contract of every registered figure: `check_figure(name)` checks it whole, test_contract.py piece by piece."""

import inspect
import json
import math
import re
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from synthetic import TABLES, World, arrays, write_store

from tla.plots import FIGURES, LIGHT, Look, Pictures, draw, look_of

THEMES, WIDTHS = ("light", "dark"), (1200, 600)
WORLDS = {
    "nobody is misclassified": World(n=40, methods=("at", "tla"), hold=1.0),
    "everybody is misclassified": World(n=40, methods=("natural", "tla"), hold=0.0),
    "one class": World(n=20, methods=("at", "tla"), classes=1),
    "one method": World(n=40, methods=("tla",)),
    "ten methods": World(
        n=30, methods=("natural", "at", "alp", "tla", "tla-rn", "tla-sa", "trades", "mine", "mart", "x<y")
    ),
    "three seeds": World(n=30, methods=("at", "tla"), seeds=(0, 1, 2)),
    "two images": World(n=2, methods=("at", "tla")),
    "thirty classes": World(n=60, methods=("at", "tla"), classes=30),
}
NAN_SHARES = (0.3, 1.0)
MEASURED = {
    "angle", "margin", "margin_clean", "purity_own", "progress", "u", "v", "score", "distance", "cka", "triplet",
    "active", "distance_own", "distance_false", "accuracy",
}  # fmt: skip
"""Columns that may hold NaN."""


def check_figure(name):
    """Everything the contract asks of one registered figure; raises AssertionError at the first thing it lacks."""
    check_documented(name)
    for theme in THEMES:
        for width in WIDTHS:
            check_look(name, theme, width)
    for world in WORLDS.values():
        check_world(name, world)
    if FIGURES.get(name).tables:
        check_empty(name)
        for share in NAN_SHARES:
            check_nan(name, share)
    check_frames_unchanged(name)
    with tempfile.TemporaryDirectory() as folder:
        check_study(name, write_store(Path(folder) / "study", World(n=120)))


def check_documented(name):
    """A docstring of one sentence, with every parameter under "Args:"; `look` defaults to LIGHT; a module docstring."""
    function = FIGURES.get(name)
    text, parameters = inspect.getdoc(function), inspect.signature(function).parameters
    assert text, f"{name} has no docstring"
    assert "Args:" in text
    assert text.split("\n")[0].endswith((".", "?")), "the first line of the docstring must be a sentence"
    assert set(re.findall(r"^    ([a-z]\w*): ", text, re.MULTILINE)) == set(parameters)
    assert parameters["look"].default == LIGHT
    assert inspect.unwrap(function).__globals__.get("__doc__"), f"the module of {name} has no docstring"
    assert set(function.optional) <= set(parameters), "every optional table must be a parameter"
    assert len(function.tables) <= len(parameters)


def check_look(name, theme, width):
    """Drawn in a theme at a width; every line of the title fits."""
    look = Look(theme=theme, width=width, source="a synthetic study", classes=tuple("0123456789"))
    figure = drawn(name, World(n=40), look)
    check_drawn(figure, look)
    title = figure.layout.title
    if title.text is not None:
        lines = title.text.removeprefix("<b>").removesuffix("</b>").split("<br>")
        assert max(len(line) for line in lines) * title.font.size * 0.53 <= width


def check_world(name, world):
    """Drawn from an unusual study, or refused by its `example`."""
    figure = drawn(name, world)
    if figure is not None:
        check_drawn(figure, LIGHT)


def check_empty(name):
    """Drawn from tables without rows."""
    check_drawn(drawn(name, World(n=4, methods=("at", "tla")), change=lambda frame: frame.iloc[:0]), LIGHT)


def check_nan(name, share):
    """Drawn where a share of the measurements is NaN."""

    def spoil(frame):
        frame = frame.copy()
        rng = np.random.default_rng(0)
        for column in MEASURED & set(frame.columns):
            frame.loc[rng.random(len(frame)) < share, column] = np.nan
        return frame

    check_drawn(drawn(name, World(n=30, methods=("at", "tla")), change=spoil), LIGHT)


def check_frames_unchanged(name):
    """Drawing leaves the tables as they are."""
    used = []

    def remember(frame):
        used.append((frame, frame.copy()))
        return frame

    drawn(name, World(n=20, methods=("at", "tla")), change=remember)
    for frame, before in used:
        assert frame.equals(before), f"{name} changes a table"


def check_study(name, study):
    """Drawn by name from a study folder, with its class names and its source."""
    look = look_of(study, theme="dark")
    figure = draw(name, study, dark=True)
    check_drawn(figure, look)
    if FIGURES.get(name).tables or FIGURES.get(name).example:
        assert "study synthetic" in figure.layout.meta["caption"], "the caption lacks the study"


def check_drawn(figure, look):
    """What holds for any drawn figure: valid JSON, a title, a caption, explicit colours, no text that reads nan."""
    text = figure.to_json()
    values = json.loads(text)
    validated = go.Figure(json.loads(text))  # plotly's own validation of every property, which drawing skips
    assert json.loads(validated.to_json()) == values
    layout = values["layout"]
    assert {"meta", "annotations", "template"} <= set(layout), "not drawn on a Sheet: no meta, annotations or template"
    assert layout["meta"]["title"], "no title"
    assert layout["meta"]["caption"], "no caption"
    texts = [layout["title"]["text"]] if "title" in layout else []
    texts += [note["text"] for note in layout["annotations"]] + [trace.get("name", "") for trace in values["data"]]
    assert not [words for words in texts if re.search(r"\b(nan|None|inf)\b", words)], texts
    assert layout["template"]["layout"]["paper_bgcolor"] == look.shades.paper
    assert "http" not in text, "the figure loads something from the network"
    for trace in values["data"]:
        assert coloured(trace), f"{trace.get('name')} has no explicit colour: Streamlit would choose one"
        assert {"xaxis", "yaxis"} <= set(trace), f"{trace.get('name')} is in no panel"
    for note in layout["annotations"]:
        for position in (note["x"], note["y"]):
            assert not isinstance(position, float) or math.isfinite(position)


def coloured(trace):
    """True if a trace sets its own colours."""
    if trace["type"] == "heatmap":
        return "colorscale" in trace
    marker, line = trace.get("marker", {}), trace.get("line", {})
    needs = {"markers": [marker], "lines": [line], "lines+markers": [marker, line]}
    return all("color" in part for part in needs.get(trace.get("mode", "markers"), []))


def drawn(name, world, look=LIGHT, change=lambda frame: frame):
    """A figure of a synthetic world; None if its `example` finds nothing to show in it.

    Args:
        name: Name of the figure.
        world: What the study contains.
        look: Theme, width, source.
        change: Changes every table before it is drawn.
    """
    function = FIGURES.get(name)
    frames = [change(TABLES[table](world)) for table in function.tables]
    extra = {table: change(TABLES[table](world)) for table in function.optional}
    if "pictures" in inspect.signature(function).parameters:
        extra["pictures"] = pictures(world)
    if function.example is not None:
        found = example_of(function, world)
        if found is None:
            return None
        extra |= found
    return function(*frames, look=look, **extra)


@cache
def example_of(function, world):
    """What a figure's `example` picks from a study of a world, or None."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return function.example(write_store(Path(folder) / "study", world))
        except FileNotFoundError:
            return None


def pictures(world):
    """The pictures of a synthetic world."""
    stored = arrays(world)
    ids = range(world.n)
    return Pictures(
        test=dict(zip(ids, stored["images"]["test"], strict=True)),
        gallery=dict(enumerate(stored["images"]["gallery"])),
        adversarial={
            f"{method}-seed{seed}": dict(zip(ids, stored[f"adversarial/{method}-seed{seed}"]["pgd@0.2"], strict=True))
            for method in world.methods
            for seed in world.seeds
        },
    )
