"""Every registered figure, whatever it is: documented, light and dark, wide and narrow, whole and broken data."""

import dataclasses
import inspect
import re

import numpy as np
import pytest
from figure_contract import check, drawn
from synthetic import TABLES, World, write_store

from tla.plots import FIGURES, LIGHT, Look, draw, look_of

NAMES = FIGURES.names()
EXPECTED = {
    "shift_arrows", "one_class", "two_classes", "accuracy_bars", "accuracy_curve", "accuracy_steps", "accuracy_table",
    "roc", "score_histograms", "confusion", "class_confusion", "neighbour_rows", "purity_curves", "trajectory",
    "learning_curves", "ablation", "layer_cka", "transfer_matrix", "audit_verdicts", "shift_measures",
    "attack_triptych", "triplet_drawn", "shift_morph", "agreement", "poster",
}  # fmt: skip

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


def test_the_figures_of_the_plan_are_there():
    assert set(NAMES) >= EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_documented(name):
    function = FIGURES.get(name)
    text = inspect.getdoc(function)
    assert text
    assert "Args:" in text
    first = text.split("\n")[0]
    assert first.endswith((".", "?"))
    described = set(re.findall(r"^    ([a-z]\w*): ", text, re.MULTILINE))
    assert described == set(inspect.signature(function).parameters)
    assert inspect.signature(function).parameters["look"].default == LIGHT
    assert inspect.getdoc(inspect.getmodule(function))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 600])
def test_light_and_dark_wide_and_narrow(name, theme, width):
    look = Look(theme=theme, width=width, source="a synthetic study", classes=tuple("0123456789"))
    figure = drawn(name, World(n=40), look)
    check(figure, look)
    if name != "poster":
        size = figure.layout.title.font.size
        lines = figure.layout.title.text.removeprefix("<b>").removesuffix("</b>").split("<br>")
        assert max(len(line) for line in lines) * size * 0.53 <= width


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_edges(name, world):
    check(drawn(name, world), LIGHT)


@pytest.mark.parametrize("name", [name for name in NAMES if FIGURES.get(name).tables])
def test_empty_tables(name):
    check(drawn(name, World(n=4, methods=("at", "tla")), change=lambda frame: frame.iloc[:0]), LIGHT)


@pytest.mark.parametrize("name", [name for name in NAMES if FIGURES.get(name).tables])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_nan(name, share):
    measured = {
        "angle", "margin", "margin_clean", "purity_own", "progress", "u", "v", "score", "distance", "cka", "triplet",
        "active", "distance_own", "distance_false", "accuracy",
    }  # fmt: skip

    def spoil(frame):
        frame = frame.copy()
        rng = np.random.default_rng(0)
        for column in measured & set(frame.columns):
            frame.loc[rng.random(len(frame)) < share, column] = np.nan
        return frame

    check(drawn(name, World(n=30, methods=("at", "tla")), change=spoil), LIGHT)


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_not_changed(name):
    function = FIGURES.get(name)
    world = World(n=20, methods=("at", "tla"))
    frames = [TABLES[table](world) for table in function.tables]
    before = [frame.copy() for frame in frames]
    if frames:
        function(*frames)
    for frame, old in zip(frames, before, strict=True):
        assert frame.equals(old)


@pytest.mark.parametrize("name", NAMES)
def test_from_a_study(name, study):
    figure = draw(name, study, dark=True)
    look = look_of(study, theme="dark")
    check(figure, look)
    assert look.classes == tuple("0123456789")
    assert look.source == "study synthetic; seed 0; a test, 1 thread"
    if name != "triplet_drawn":
        assert "study synthetic" in figure.layout.meta["caption"]


def test_unknown_figure_option_and_missing_table(study, tmp_path):
    with pytest.raises(ValueError, match=r"unknown figure 'rok'; did you mean 'roc'\?"):
        draw("rok", study)
    with pytest.raises(ValueError, match=r"figure 'roc' has no option 'epz'; it has: .*eps"):
        draw("roc", study, epz=3)
    poor = write_store(tmp_path / "poor", World(n=10, methods=("at",)), without=("detection",))
    with pytest.raises(FileNotFoundError, match=r"has no table 'detection'; it has: .*attacks"):
        draw("roc", poor)


def test_every_optional_table_is_a_parameter():
    for name in NAMES:
        function = FIGURES.get(name)
        parameters = inspect.signature(function).parameters
        assert set(function.optional) <= set(parameters)
        assert len(function.tables) <= len(parameters)


def test_look_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LIGHT.width = 3
