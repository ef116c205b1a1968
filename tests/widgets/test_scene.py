"""The arrays of the maps against the tables, read row by row."""

import numpy as np
import pandas as pd
import pytest

from tla.widgets.packing import pack
from tla.widgets.scene import MEASURES, MISSING, MapScene
from tla.widgets.sources import Frames, TableSource, source_of


def points(n=4, methods=("a",), kinds=("clean", "adversarial"), y=None):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3 if y is None else y
    return pd.concat(
        pd.DataFrame({
            "method": method, "seed": 0, "projection": "umap", "kind": kind, "id": 10 + np.arange(n)[::-1], "y": y,
            "prediction": (y + (kind == "adversarial")) % 3, "u": rng.normal(size=n), "v": rng.normal(size=n),
        })
        for method in methods for kind in kinds
    )  # fmt: skip


def test_every_point_is_where_the_table_says(small):
    scene = MapScene.of(small)
    table = small.table("map")
    assert [one.method for one in scene.maps] == ["natural", "at", "tla"]
    for one in scene.maps:
        for kind, side, predicted in (("clean", one.start, one.clean), ("adversarial", one.end, one.prediction)):
            for row in table[(table["method"] == one.method) & (table["kind"] == kind)].itertuples():
                place = int(np.flatnonzero(scene.ids == row.id)[0])
                assert side[place] == pytest.approx([row.u, row.v])
                assert (predicted[place], scene.y[place]) == (row.prediction, row.y)


def test_measures_are_those_of_the_main_attack(small):
    scene = MapScene.of(small)
    rows = small.table("shift").query("attack == 'pgd' and eps == 0.2 and method == 'at'").set_index("id")
    for name, values in scene.maps[1].measures.items():
        np.testing.assert_allclose(values, rows.loc[scene.ids, name].to_numpy(float))


def test_sixteen_bits_keep_what_a_page_shows(small):
    scene = MapScene.of(small)
    for one, sent in zip(scene.maps, scene.plain()["maps"], strict=True):
        low, extent = np.array(sent["low"]), np.array(sent["extent"])
        for side, column in ((one.start, sent["start"]), (one.end, sent["end"])):
            back = low + extent * column.reshape(-1, 2) / 65534
            assert np.abs(back - side).max() <= extent.max() / 65534
        angle = sent["measures"]["angle"]
        back = angle["low"] + (angle["high"] - angle["low"]) * angle["values"] / 65534
        np.testing.assert_allclose(back, one.measures["angle"], atol=(angle["high"] - angle["low"]) / 65534)


def test_a_point_costs_at_most_24_bytes(small):
    n = 20_000
    rng = np.random.default_rng(1)
    frame = points(n, ("at", "tla"), y=rng.integers(0, 10, n))
    shift = pd.DataFrame({name: rng.random(2 * n) for name in MEASURES}).assign(
        method=np.repeat(["at", "tla"], n), seed=0, attack="pgd", eps=0.1, id=np.tile(10 + np.arange(n), 2)
    )
    block = pack(MapScene.of(source_of({"map": frame, "shift": shift})).plain())
    assert len(block) / (2 * n) <= 24


def test_missing_columns_have_defaults():
    scene = MapScene.of(source_of(points().drop(columns=["method", "seed", "projection"])))
    assert [one.method for one in scene.maps] == ["model"]
    assert scene.ids.tolist() == [10, 11, 12, 13]


def test_nan_has_no_place():
    frame = points()
    frame.loc[frame["id"] == 11, "u"] = np.nan
    frame.loc[(frame["id"] == 12) & (frame["kind"] == "adversarial"), "v"] = np.inf
    scene = MapScene.of(source_of(frame))
    sent = scene.plain()["maps"][0]
    assert sent["lost"] == 1
    assert sent["start"].reshape(-1, 2)[1].tolist() == sent["end"].reshape(-1, 2)[1].tolist() == [MISSING, MISSING]
    np.testing.assert_array_equal(scene.maps[0].start[2], scene.maps[0].end[2])


def test_no_point_at_all_has_a_place():
    frame = points().assign(u=np.nan)
    sent = MapScene.of(source_of(frame)).plain()["maps"][0]
    assert sent["lost"] == 4
    assert min(sent["extent"]) > 0


@pytest.mark.parametrize("kind", ["clean", "adversarial"])
def test_one_side_is_enough(kind):
    (one,) = MapScene.of(source_of(points(kinds=(kind,)))).maps
    np.testing.assert_array_equal(one.start, one.end)
    np.testing.assert_array_equal(one.clean, one.prediction)


def test_two_images_of_one_method():
    sent = MapScene.of(source_of(points(2))).plain()
    assert sent["n"] == 2
    assert len(sent["maps"]) == 1


def test_a_thousand_classes():
    n = 3000
    y = np.arange(n) % 1000
    sent = MapScene.of(source_of(points(n, y=y))).plain()
    assert sent["y"].dtype == np.uint16
    assert len(sent["classes"]) == 1000
    assert len(sent["coloured"]) == 20


def test_ids_need_no_bytes_where_they_count_from_zero():
    frame = points(5)
    assert MapScene.of(source_of(frame.assign(id=frame["id"] - 10))).plain()["ids"] is None
    assert MapScene.of(source_of(frame)).plain()["ids"].tolist() == [10, 11, 12, 13, 14]


@pytest.mark.parametrize(
    ("given", "options", "text"),
    [
        ({"shift": pd.DataFrame()}, {}, "there is no table 'map' to explore"),
        ({"map": points().iloc[:0]}, {}, "the table 'map' has no rows"),
        ({"map": points()}, {"projection": "tsne"}, "projection must be one of umap, got 'tsne'"),
        ({"map": points()}, {"seed": 3}, "seed must be one of 0, got 3"),
        ({"map": points()}, {"methods": ["b"]}, "methods must be among a, got 'b'"),
    ],
)
def test_what_is_not_there_is_named(given, options, text):
    with pytest.raises(ValueError, match=text):
        MapScene.of(source_of(given), **options)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (3, "give a study's name or folder, a Store, .*, got int"),
        (pd.DataFrame({"u": [1.0]}), "a map needs the columns .*, this one has no kind, id, y, prediction, v"),
    ],
)
def test_what_cannot_be_read_is_named(given, text):
    with pytest.raises(ValueError, match=text):
        source_of(given)


def test_a_study_is_found_by_name_and_what_holds_a_store_is_read(small):
    class Examination:
        store = small

    assert source_of(small) is source_of(Examination()) is small
    assert source_of("digits").has_table("map")
    assert isinstance(Frames({}), TableSource)
    with pytest.raises(FileNotFoundError, match="there is no study 'digit'; did you mean 'digits'"):
        source_of("digit")
