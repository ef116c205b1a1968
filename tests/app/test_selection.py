"""Selections against explicit loops; the focus sample; permalinks."""

import os

import numpy as np
import pandas as pd
import pytest
from board import state
from board.charts import point_ids
from board.selection.detection import detector_errors, failure_measures, operating_points
from board.selection.focus import contested, correct_count, fooling_all
from board.selection.neighbours import largest_k, mostly_wrong, nearest
from board.selection.shared import of_run
from board.selection.shift import median_measures
from board.studies import LONG, small

from tla.plots.drawing.scores import detectors_of
from tla.store import Store
from tla.widgets.filming import noise


@pytest.fixture
def view(studies):
    from board.studies import open_study

    return open_study("made", studies / "made")


def test_contested_fool_some_methods_and_not_all(view):
    rows = view.table("attacks").query("attack == 'pgd' and eps == 0.2")
    expected = []
    for sample in view.ids:
        fooled = [bool(row.success) for row in rows[rows.id == sample].itertuples()]
        if any(fooled) and not all(fooled):
            expected.append(sample)
        assert correct_count(view, sample, 0) == f"{fooled.count(False)} of 3 methods correct under attack"
    assert contested(view, 0) == expected
    assert expected


@pytest.mark.parametrize("methods", [("natural", "at"), ("tla",), ("tla", "no such method"), ("no such method",)])
def test_fooling_all_are_those_that_fool_every_method(view, methods):
    rows = view.table("attacks").query("attack == 'pgd' and eps == 0.2 and success")
    fooled = [set(rows[rows.method == method].id) for method in methods if method in view.methods]
    assert fooling_all(view, 0, methods) == (set.intersection(*fooled) if fooled else set())


def test_nobody_is_fooled_where_nothing_was_attacked(tmp_path):
    from board.studies import open_study

    Store(tmp_path / "bare").note(study={"methods": ["at"], "seeds": [0]})
    bare = open_study("bare", tmp_path / "bare")
    assert contested(bare, 0) == []
    assert fooling_all(bare, 0, ("at",)) == set()
    assert correct_count(bare, 0, 0) == ""


def test_failing_queries_have_mostly_wrong_neighbours(view):
    rows = view.table("neighbours").query("kind == 'adversarial' and rank <= 3 and method in ['natural', 'tla']")
    expected = set()
    for (_, sample), part in rows.groupby(["method", "id"]):
        if sum(row.neighbour_y == row.y for row in part.itertuples()) < 1.5:
            expected.add(sample)
    assert mostly_wrong(view, 0, ["natural", "tla"], 3) == sorted(expected)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_a_detector_refuses_no_more_clean_images_than_allowed(view, share):
    detector = detectors_of(view.table("detection"))[0]
    wrong = detector_errors(view, "at", 0, detector=detector, eps=0.2, adaptive=False, false_alarms=share)
    rows = view.table("detection").query("method == 'at' and eps == 0.2 and not adaptive and detector == @detector")
    clean = [r.score for r in rows.itertuples() if r.kind == "clean" and r.prediction == r.y]
    fooled = [r.score for r in rows.itertuples() if r.kind == "adversarial" and r.prediction != r.y]
    assert (wrong.positives, wrong.negatives) == (len(fooled), len(clean))
    assert len(wrong.refused) == sum(score >= wrong.threshold for score in clean) <= share * len(clean)
    assert len(wrong.passed) == sum(score < wrong.threshold for score in fooled)
    assert list(wrong.passed["score"]) == sorted(wrong.passed["score"])
    caught = sum(score >= wrong.threshold for score in fooled)
    for other in clean + fooled:
        if sum(score >= other for score in clean) <= share * len(clean):
            assert sum(score >= other for score in fooled) <= caught, "another threshold catches more"


def test_failure_measures_are_those_of_the_library(view):
    from tla.statistics import failure_frame

    rows = of_run(view.table("detection"), 0, ["at", "tla"])
    detector, eps = detectors_of(rows)[0], float(rows["eps"].max())
    shown = failure_measures(rows, ["tla", "at"], detector=detector, eps=eps, adaptive=False)
    assert list(shown.index) == ["TLA", "AT"]
    here = rows[(rows.detector == detector) & (rows.eps == eps) & ~rows.adaptive & (rows.method == "tla")]
    expected = failure_frame(here).iloc[0]
    bounds = f"({expected.augrc_low:.3f} to {expected.augrc_high:.3f})"
    assert shown.loc["TLA", "AUGRC"] == f"{expected.augrc:.3f} {bounds}"
    assert failure_measures(rows, ["nobody"], detector=detector, eps=eps, adaptive=False).empty


def test_operating_points_count_the_errors_that_are_listed(view):
    detector = detectors_of(view.table("detection"))[0]
    shares = np.array([0.0, 0.05, 0.3, 0.5])
    settings = {"detector": detector, "eps": 0.2, "adaptive": False}
    table = operating_points(of_run(view.table("detection"), 0), ["tla", "at"], shares, **settings)
    assert list(table) == ["tla", "at"]
    for place, share in enumerate(shares):
        wrong = detector_errors(view, "at", 0, **settings, false_alarms=share)
        found = table["at"]
        assert found.threshold[place] == wrong.threshold
        assert found.positives - found.positive[place] == len(wrong.passed)
        assert found.negative[place] == len(wrong.refused)
        assert found.tpr[place] == pytest.approx(found.positive[place] / found.positives)
        assert found.fpr[place] == pytest.approx(found.negative[place] / found.negatives)


def test_without_scores_nothing_is_refused(view):
    rows = of_run(view.table("detection"), 0)
    rows = rows.loc[rows["method"] != "at"]
    found = operating_points(rows, ["at"], np.array([0.1]), detector=detectors_of(rows)[0], eps=0.2, adaptive=False)
    assert found["at"].positives == found["at"].positive[0] == 0
    assert found["at"].threshold[0] == np.inf


def test_measures_are_medians(view):
    table = median_measures(view, ["natural", "tla"], 0, [0, 1, 2, 3])
    rows = view.table("shift").query("method == 'tla' and attack == 'pgd' and id <= 3 and eps == 0.2")
    assert list(table.columns) == ["Natural", "TLA"]
    assert table.loc["turn (°)", "TLA"] == pytest.approx(float(np.median(rows["angle"])), abs=1e-3)


def test_a_view_follows_its_manifest(view, studies):
    from board.studies import open_study

    assert open_study("made", studies / "made") is view
    view.store.note(touched=True)
    assert open_study("made", studies / "made") is not view


def test_a_shipped_study_is_listed_until_your_own_is_finished(tmp_path, use_studies):
    from board import shell, studies

    ours, theirs = tmp_path / "mine", tmp_path / "shipped"
    use_studies(ours, theirs)
    for folder, complete in ((theirs, "yes"), (ours, None)):
        Store(folder / "digits").note(complete=complete)
    Store(theirs / "mnist").note(complete="yes", packed="tables")
    assert set(studies.studies()) == {"digits", "digits (shipped)"}
    assert shell.current().path == theirs / "digits"
    Store(ours / "digits").note(complete="yes")
    assert set(studies.studies()) == {"digits"}
    assert shell.current().path == ours / "digits"


def test_arrays_cannot_be_changed(view):
    with pytest.raises(ValueError, match="read-only"):
        view.arrays("images")["test"][0] = 0


def test_noise_is_grey_where_nothing_changes():
    clean = np.full((1, 2, 2), 128, np.uint8)
    moved = clean.astype(np.float32) / 255
    moved[0, 0, 0] += 0.1
    moved[0, 1, 1] -= 0.2
    np.testing.assert_allclose(noise(clean, moved, 0.2), [[[0.75, 0.5], [0.5, 0.0]]], atol=1e-6)


def test_ids_come_from_customdata_not_from_positions():
    points = [{"point_index": 0, "customdata": 41}, {"point_index": 1, "customdata": [7]}, {"customdata": 41}, {}]
    assert point_ids({"selection": {"points": points}}) == [41, 7]


def test_a_permalink_opens_the_same_view(studies, open_page):
    app = open_page("neighbours", focus="5", k="3", neighbour_methods=["tla"])
    assert app.number_input(key="focus").value == 5
    assert "id == 5 and seed == 0 and rank <= 3 and method in ['tla']" in app.code[0].value


def test_a_wrong_permalink_is_ignored(studies, open_page):
    app = open_page("neighbours", focus="nobody", k="900")
    assert not app.exception
    assert f"rank <= {largest_k(_view(studies))} " in app.code[0].value
    assert app.number_input(key="focus").value == state.first_focus(_view(studies))


def test_the_focus_steps_and_stays_over_pages(studies, open_page):
    app = open_page("shift", focus="5")
    app.button(key="focus_next").click().run()
    assert app.number_input(key="focus").value == 6
    app.button(key="focus_fooled").click().run()
    ids = contested(_view(studies), 0)
    expected = next((i for i in ids if i > 6), ids[0])
    assert app.number_input(key="focus").value == expected
    app.switch_page("pages_/neighbours.py").run()
    assert app.number_input(key="focus").value == expected


def test_a_browser_that_sends_the_number_before_the_last_step_loses_no_step(studies, open_page):
    app = open_page("compare", focus="5")
    for old, expected in ((5, 6), (5, 7), (6, 8), (6, 9)):
        app.number_input(key="focus").set_value(old)
        app.button(key="focus_next").click().run()
        assert app.number_input(key="focus").value == expected
    app.number_input(key="focus").set_value(8).run()
    assert app.number_input(key="focus").value == 8
    app.button(key="focus_next").click().run()
    assert app.number_input(key="focus").value == 9


def test_a_browser_that_sends_the_scene_before_the_last_step_loses_no_step(studies, open_page):
    app = open_page("tour")
    names = app.segmented_control(key="scene").options
    for old, expected in ((0, 1), (0, 2), (1, 3)):
        app.segmented_control(key="scene").set_value(names[old])
        app.button(key="scene_next").click().run()
        assert app.segmented_control(key="scene").value == names[expected]


def test_the_tour_goes_round(studies, open_page):
    app = open_page()
    names = []
    for _ in range(6):
        app.button(key="scene_next").click().run()
        assert not app.exception
        names.append(app.session_state["scene"])
    assert names == ["Where it lands", "The idea", "After training", "Detection", "Neighbours", "An image"]


def _view(studies):
    from board.studies import open_study

    return open_study("made", studies / "made")


def test_a_number_without_an_image_goes_on_to_the_next_that_has_one(studies, open_page, monkeypatch):
    from board.studies import View

    ids = [0, 3, 5, 9]
    monkeypatch.setattr(View, "ids", property(lambda self: ids))
    monkeypatch.setattr(View, "positions", property(lambda self: {sample: k for k, sample in enumerate(ids)}))
    view = _view(studies)
    for before, asked, expected in ((3, 4, 5), (5, 4, 3), (0, 9, 9), (3, 1, 0), (5, 6, 9)):
        monkeypatch.setitem(state.st.session_state, state.FOCUS, asked)
        state.snap_focus(view, before)
        assert state.st.session_state[state.FOCUS] == expected


def test_a_long_table_takes_half_the_memory_and_says_the_same():
    ids = np.arange(LONG, dtype=np.int64)
    frame = pd.DataFrame({"id": ids, "far": ids * 10**6, "x": ids / 3, "kind": "clean"})
    made = small(frame)
    assert made.dtypes.map(str).to_dict() | {"kind": ""} == {"id": "int32", "far": "int64", "x": "float64", "kind": ""}
    pd.testing.assert_frame_equal(made, frame, check_dtype=False)
    assert small(frame[:10]) is not frame
    assert small(frame[:10])["id"].dtype == np.int64


def test_neighbours_are_those_of_the_table(studies):
    view = _view(studies)
    table = view.table("neighbours")
    for sample in view.ids[:5]:
        for kind in ("clean", "adversarial"):
            rows = table.query("id == @sample and kind == @kind and seed == 0 and rank <= 4").sort_values("rank")
            found = nearest(view, sample, 0, kind, 4)
            assert set(found) == set(rows["method"])
            for method, group in found.items():
                pd.testing.assert_frame_equal(group, rows[rows["method"] == method])
    assert nearest(view, -1, 0, "clean", 4) == {}


def test_your_newest_study_opens_first_then_the_one_that_anybody_can_read(tmp_path, use_studies):
    from board import shell, studies

    ours, theirs = tmp_path / "mine", tmp_path / "shipped"
    use_studies(ours, theirs)

    def opened():
        return shell.current().path.relative_to(tmp_path).as_posix()

    Store(theirs / "digits").note(complete="yes")
    assert opened() == "shipped/digits"
    Store(theirs / "mnist-robust").note(complete="yes")
    assert opened() == "shipped/mnist-robust"
    Store(ours / "half").note(complete=None)
    assert opened() == "shipped/mnist-robust"
    for second, name in enumerate(("zebras", "apples")):
        Store(ours / name).note(complete="yes")
        os.utime(ours / name / "manifest.json", (second, second))
    assert opened() == "mine/apples"
    assert set(studies.studies()) == {"digits", "mnist-robust", "half", "zebras", "apples"}
