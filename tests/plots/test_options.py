"""Options of a figure: types and members are checked before anything is drawn."""

import inspect
from collections.abc import Sequence
from typing import Literal

import pandas as pd
import pytest

from tla.cli import main
from tla.plots import FIGURES
from tla.plots.drawing.draw import draw
from tla.plots.drawing.options import BOUNDS, COLUMNS, checked, settings_of, takes_several
from tla.store import DamagedFileError, Store
from tla.study.locate import open_study


def test_every_bound_and_column_belongs_to_an_option():
    options = {option for name in FIGURES.names() for option in settings_of(FIGURES.get(name))}
    assert set(BOUNDS) <= options
    assert set(COLUMNS) <= options


@pytest.mark.parametrize("name", FIGURES.names())
def test_the_defaults_of_every_figure_pass(name):
    function = FIGURES.get(name)
    defaults = {option: inspect.signature(function).parameters[option].default for option in settings_of(function)}
    assert checked(name, function, defaults, ()) == defaults


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("one_class methods=zzz", "figure 'one_class': methods: 'zzz' is not in the study; Known: alp, at, natural"),
        ("one_class klass=99", "klass: 99 is not in the study; Known: 0, 1, 2"),
        ("one_class klass=x", "klass: must be a whole number, got 'x'"),
        ("one_class look=dark", "figure 'one_class' has no option 'look'; it has: klass, methods, projection, seed"),
        ("one_class shift=3", "has no option 'shift'"),
        ("one_class klass=1180591620717411303424", "at most 64 bits"),
        ("roc eps=0.7", "eps: 0.7 is not in the study; Known:"),
        ("roc false_alarms=1.5", "false_alarms must lie in 0..1, got 1.5"),
        ("roc threshold=nan", "threshold: must be finite, got nan"),
        ("roc parts=half", "parts[0]: must be one of 'whole', 'few', got 'half'"),
        ("roc adaptive=3", "adaptive: must be true or false, got 3"),
        ("score_histograms bins=1000000", "bins must lie in 2..1000, got 1000000"),
        ("shift_measures measures=group", "measures: 'group' is not in the table; Known: angle"),
        ("class_confusion attack=worst", "attack: 'worst' is not in the study"),
        ("trajectory image=-1", "image: -1 is not in the study"),
        ("attack_triptych name=a name=b", "--set names name twice"),
    ],
)
def test_wrong_options_are_named_and_nothing_is_written(word, said, tmp_path, capsys):
    name, *settings = word.split()
    file = tmp_path / "figure.json"
    assert main(["figure", name, "digits", "--out", str(file), "--set", *settings]) == 1
    assert said in capsys.readouterr().err
    assert not file.exists()


def test_several_values_are_drawn_once(tmp_path):
    files = [tmp_path / name for name in ("once.json", "twice.json")]
    for file, word in zip(files, ("methods=at", "methods=at,at"), strict=True):
        assert main(["figure", "one_class", "digits", "--out", str(file), "--set", word]) == 0
    assert files[0].read_text() == files[1].read_text()


@pytest.mark.parametrize("study", ["digits", "mnist-robust"])
@pytest.mark.parametrize("name", [one for one in FIGURES.names() if "eps" in settings_of(FIGURES.get(one))])
def test_the_radius_of_the_study_may_be_named(name, study):
    """Tables of the shipped studies hold it in single precision: 0.15000000596."""
    store = open_study(study)
    try:
        default = draw(name, store)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    figure = draw(name, store, eps=store.manifest()["study"]["attack"]["eps"])
    assert len(figure.data) == len(default.data) > 0


def test_types_that_take_lists():
    several = (tuple[str, ...], Sequence[int] | None, Sequence[Literal["a"]])
    assert [takes_several(kind) for kind in (*several, int | None, str, Literal["a"])] == [True] * 3 + [False] * 3


def test_a_table_without_a_column_is_named(tmp_path):
    store = Store(tmp_path)
    frame: pd.DataFrame = open_study("digits").table("attacks")
    file = store.write_table("attacks", frame.drop(columns="success"))
    store.finish("tables", "0", [file])
    with pytest.raises(DamagedFileError, match="the table 'attacks' has no column 'success'; another version wrote it"):
        draw("accuracy_bars", store)
