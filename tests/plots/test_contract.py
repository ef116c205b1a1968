"""The contract of figures, figure by figure: documented, light and dark, wide and narrow, whole and broken data."""

import dataclasses

import pytest
from figure_contract import (
    NAN_SHARES,
    THEMES,
    WIDTHS,
    WORLDS,
    check_documented,
    check_drawn,
    check_empty,
    check_figure,
    check_frames_unchanged,
    check_look,
    check_nan,
    check_study,
    check_world,
)
from plotly import graph_objects as go
from synthetic import World, arrays, write_store

from tla.plots import FIGURES, LIGHT, Look, draw, look_of
from tla.plots.base import figure
from tla.plots.drawing.sheet import Sheet

NAMES = FIGURES.names()
WITH_TABLES = [name for name in NAMES if FIGURES.get(name).tables]
EXPECTED = {
    "shift_arrows", "one_class", "two_classes", "accuracy_bars", "accuracy_curve", "accuracy_steps", "accuracy_table",
    "roc", "score_histograms", "confusion", "class_confusion", "neighbour_rows", "purity_curves", "trajectory",
    "learning_curves", "ablation", "layer_cka", "transfer_matrix", "audit_verdicts", "shift_measures",
    "attack_triptych", "triplet_drawn", "shift_morph", "agreement", "poster",
}  # fmt: skip


def test_the_planned_figures_are_registered():
    assert set(NAMES) >= EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_documented(name):
    check_documented(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_light_and_dark_wide_and_narrow(name, theme, width):
    check_look(name, theme, width)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_edges(name, world):
    check_world(name, world)


@pytest.mark.parametrize("name", WITH_TABLES)
def test_empty_tables(name):
    check_empty(name)


@pytest.mark.parametrize("name", WITH_TABLES)
@pytest.mark.parametrize("share", NAN_SHARES)
def test_nan(name, share):
    check_nan(name, share)


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_not_changed(name):
    check_frames_unchanged(name)


@pytest.mark.parametrize("name", NAMES)
def test_from_a_study(name, study):
    check_study(name, study)


def test_the_look_of_a_study(study):
    look = look_of(study)
    assert look.classes == tuple("0123456789")
    assert look.source == "study synthetic; seed 0; a test, 1 thread"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_triptych_with_probabilities(theme, width):
    look, world = Look(theme=theme, width=width), World(n=4, methods=("at",))
    stored = arrays(world)
    images = stored["images"]["test"][0], stored["adversarial/at-seed0"]["pgd@0.2"][0]
    check_drawn(FIGURES.get("attack_triptych")(*images, [0.9, 0.1], [0.2, 0.8], look=look), look)


@pytest.fixture
def registry(monkeypatch):
    """A copy of the registry, so that a test can register a figure."""
    monkeypatch.setattr(FIGURES, "_items", dict(FIGURES._items))


@pytest.mark.usefixtures("registry")
def test_a_short_figure_on_a_sheet_satisfies_the_contract():
    @figure("angles", "shift")
    def angles(shift, *, look=LIGHT):
        """One histogram of the angular shift per method.

        Args:
            shift: The `shift` table.
            look: Theme, width, source.
        """
        sheet = Sheet(look, height=320)
        panel = sheet.panels[0]
        for method, style in look.methods(shift["method"]).items():
            degrees = shift.loc[shift["method"] == method, "angle"]
            trace = {"type": "histogram", "name": style.label, "x": degrees, "marker": {"color": style.colour}}
            sheet.add(panel, trace, key=method)
        sheet.axis(panel, "angle (degrees)", "images")
        return sheet.figure("How far the attack turned each embedding", f"n = {shift['id'].nunique()} test images.")

    check_figure("angles")


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("traces", "message"),
    [([], "not drawn on a Sheet"), ([{"type": "bar", "name": "AT", "x": [1], "y": [2]}], "not drawn on a Sheet")],
)
def test_a_figure_without_a_sheet_does_not(traces, message):
    @figure("bare", "shift")
    def bare(shift, *, look=LIGHT):
        """Nothing but traces.

        Args:
            shift: The `shift` table.
            look: Theme, width, source.
        """
        return go.Figure(traces)

    with pytest.raises(AssertionError, match=message):
        check_figure("bare")


@pytest.mark.usefixtures("registry")
def test_a_trace_without_a_colour_is_named():
    @figure("pale", "shift")
    def pale(shift, *, look=LIGHT):
        """A bar whose colour is left open.

        Args:
            shift: The `shift` table.
            look: Theme, width, source.
        """
        sheet = Sheet(look)
        sheet.add(sheet.panels[0], {"type": "bar", "name": "AT", "x": [1], "y": [2]})
        return sheet.figure("A bar", "n = 1.")

    with pytest.raises(AssertionError, match="AT has no explicit colour"):
        check_figure("pale")


def test_unknown_figure_option_and_missing_table(study, tmp_path):
    with pytest.raises(ValueError, match=r"unknown figure 'rok'; did you mean 'roc'\?"):
        draw("rok", study)
    with pytest.raises(ValueError, match=r"figure 'roc' has no option 'epz'; it has: .*eps"):
        draw("roc", study, epz=3)
    poor = write_store(tmp_path / "poor", World(n=10, methods=("at",)), without=("detection",))
    with pytest.raises(FileNotFoundError, match=r"has no table 'detection'; it has: .*attacks"):
        draw("roc", poor)


def test_look_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LIGHT.width = 3
