import base64
import io

import numpy as np
import pytest
from nbcompare import compare_json, compare_outputs, compare_pictures, compare_text
from PIL import Image


def packed(values, dtype="f4"):
    array = np.asarray(values, dtype=dtype)
    shape = ", ".join(map(str, array.shape))
    return {"dtype": dtype, "bdata": base64.b64encode(array.tobytes()).decode(), "shape": shape}


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def verdict(found):
    if not found:
        return "same"
    return "changed" if any(part.fatal for part in found) else "pointed out"


@pytest.mark.parametrize(
    ("noise", "expected"),
    [(0, "same"), (1e-6, "same"), (2e-5, "pointed out"), (1e-4, "changed"), (1e-1, "changed")],
)
@pytest.mark.parametrize("kind", ["list", "f4", "f8", "list against f8"])
def test_noise_on_figure_data(noise, expected, kind):
    values = np.random.default_rng(0).normal(size=(50, 3))
    moved = values * (1 + noise)
    pair = [packed(v, kind[-2:]) if "f" in kind else v.tolist() for v in (values, moved)]
    if kind == "list against f8":
        pair[0] = values.tolist()
    stored, shown = ({"data": [{"type": "scatter", "y": part}]} for part in pair)
    found = compare_json(stored, shown)
    assert verdict(found) == expected
    assert all(part.where == ".data[0].y" for part in found)


def test_one_changed_number_is_found():
    values = np.linspace(1, 2, 500)
    moved = values.copy()
    moved[321] += 0.5
    (found,) = compare_json({"x": packed(values, "f8")}, {"x": packed(moved, "f8")})
    assert found.where == ".x"
    assert found.fatal
    assert found.what == "1 of 500 numbers differ, most at [321]: stored 1.643287, got 2.143287"


@pytest.mark.parametrize(
    ("stored", "shown", "expected"),
    [
        ([0.0, 1.0], [1e-6, 1.0], "same"),
        ([0.0, 1.0], [5e-5, 1.0], "changed"),
        ([0.5, 1.0], [0.50002, 1.0], "pointed out"),
        ([0.0, 1.0], [5e-6, 1.0], "same"),
        ([1.0, None], [1.0, None], "same"),
        ([1.0, None], [1.0, 2.0], "changed"),
        ([0.0, 0.0], [0.0, 0.0], "same"),
        ([0.0, 0.0], [0.0, 1e-3], "changed"),
        ([1, 2, 3], [1, 2, 4], "changed"),
        ([100_000_000, 1], [100_000_001, 1], "changed"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "changed"),
        ([[1.0], [1.0, 2.0]], [[1.0], [1.0, 2.00002]], "pointed out"),
        ([True, False], [True, True], "changed"),
        (1.0, 1.00000001, "same"),
        (3, 4, "changed"),
        (None, 0, "changed"),
        (True, 1, "changed"),
    ],
)
def test_numbers(stored, shown, expected):
    assert verdict(compare_json(stored, shown)) == expected


def test_infinite_values_only_match_themselves():
    stored, shown = (packed([1.0, value], "f8") for value in (np.inf, np.inf))
    assert compare_json(stored, shown) == []
    assert verdict(compare_json(packed([1.0, np.inf]), packed([1.0, 2.0]))) == "changed"
    assert verdict(compare_json(packed([1.0, 2.0]), packed([1.0, np.nan]))) == "changed"


def test_keys_words_and_types():
    assert verdict(compare_json({"a": 1}, {"a": 1, "b": 2})) == "changed"
    assert str(compare_json({"a": 1}, {"b": 1})[0]) == ".a: stored, now missing"
    assert verdict(compare_json({"mode": "markers"}, {"mode": "lines"})) == "changed"
    assert verdict(compare_json({"mode": "markers"}, {"mode": ["markers"]})) == "changed"
    assert verdict(compare_json({"title": "AT keeps 87.3 %"}, {"title": "AT keeps 87.4 %"})) == "pointed out"
    assert verdict(compare_json({"title": "AT keeps 87.3 %"}, {"title": "AT keeps 82.3 %"})) == "changed"


@pytest.mark.parametrize(
    ("stored", "shown", "expected"),
    [
        ("accuracy 87.3 %", "accuracy 87.3 %", "same"),
        ("accuracy 87.3 %", "accuracy 87.30 %", "same"),
        ("accuracy 87.3 %", "accuracy 87.4 %", "pointed out"),
        ("accuracy 87.3 %", "accuracy 87.5 %", "changed"),
        ("n = 500", "n = 501", "changed"),
        ("loss 1.25e-06", "loss 1.26e-06", "pointed out"),
        ("loss 1.25e-06", "loss 1.25e-05", "changed"),
        ("a   -0.10", "a 0.10", "changed"),
        ("a    0.01", "a -0.00", "pointed out"),
        ("# 5", "3 5", "changed"),
        ("20xpgd 0.5", "40xpgd 0.5", "changed"),
        ("tla wins", "at wins", "changed"),
        ("one\ntwo", "one", "changed"),
        ("one", "one\ntwo", "changed"),
        ("margin \u22120.070", "margin \u22120.071", "pointed out"),
    ],
)
def test_printed_text(stored, shown, expected):
    assert verdict(compare_text(stored, shown)) == expected


def test_the_line_is_reported():
    (found,) = compare_text("one 1.0\ntwo 2.0\n", "one 1.0\ntwo 2.5\n")
    assert str(found) == "line 2: stored 'two 2.0', got 'two 2.5'"


def test_pictures_are_compared_by_mean_difference():
    picture = np.random.default_rng(0).integers(0, 255, size=(600, 600, 3))
    one, many = picture.copy(), picture.copy()
    one[0, 0] = 255 - one[0, 0]
    many[:8, :8] = 255 - many[:8, :8]
    means = [np.abs(other - picture).mean() / 255 for other in (one, many, picture[::-1])]
    assert 1e-7 < means[0] < 3e-6
    assert 5e-5 < means[1] < 2e-4
    verdicts = [verdict(compare_pictures(png(picture), png(other))) for other in (picture, one, many, picture[::-1])]
    assert verdicts == ["same", "same", "pointed out", "changed"]
    assert f"{means[1]:.1e}" in compare_pictures(png(picture), png(many))[0].what
    (size,) = compare_pictures(png(picture), png(picture[:300]))
    assert str(size) == ": stored 600 x 600 pixels, got 600 x 300"


def test_a_local_change_is_a_change():
    picture = np.full((900, 900, 3), 255)
    stamped = picture.copy()
    stamped[300:370, 500:570] = 0
    assert np.abs(picture - stamped).mean() / 255 < 0.01
    assert verdict(compare_pictures(png(picture), png(stamped), grain=8)) == "changed"


def test_grain_tolerates_small_shifts():
    letters = np.full((600, 800, 3), 255)
    letters[::12, ::6] = 0
    moved = np.roll(letters, 1, axis=1)
    assert verdict(compare_pictures(png(letters), png(moved), grain=1)) == "changed"
    assert verdict(compare_pictures(png(letters), png(moved), grain=8)) == "pointed out"


def test_pictures_inside_a_figure():
    old, new = (
        "data:image/png;base64," + base64.b64encode(png(np.full((20, 20, 3), grey))).decode() for grey in (0, 90)
    )
    assert compare_json({"source": old}, {"source": old}) == []
    assert verdict(compare_json({"source": old}, {"source": new})) == "changed"


def figure(values, picture=None):
    data = {"application/vnd.plotly.v1+json": {"data": [{"y": values}], "layout": {}}}
    if picture is not None:
        data["image/png"] = base64.b64encode(picture).decode()
    return {"output_type": "display_data", "metadata": {}, "data": data}


def test_the_picture_of_a_figure_is_drawn_again():
    black, white = (png(np.full((20, 20, 3), grey)) for grey in (0, 255))
    stored, shown = [figure([1.0], black)], [figure([1.0])]
    assert compare_outputs(stored, shown) == []
    assert compare_outputs(stored, shown, render=lambda figure: black) == []
    (found,) = compare_outputs(stored, shown, render=lambda figure: white)
    assert found.fatal
    assert str(found) == (
        "picture of figure 0: the mean difference of the pixels is 1.0e+00, at most 1.00 in a square of 64 (of 1)"
    )
    assert compare_outputs([figure([1.0])], shown, render=lambda figure: white) == []


def test_missing_and_unexpected_outputs():
    hello = {"output_type": "stream", "name": "stdout", "text": "hello 1.0\n"}
    warning = {"output_type": "stream", "name": "stderr", "text": "a warning\n"}
    assert str(compare_outputs([], [hello])[0]) == "stdout: 0 stored, 1 now: 'hello 1.0'"
    assert verdict(compare_outputs([hello], [])) == "changed"
    assert verdict(compare_outputs([figure([1.0])], [hello])) == "changed"
    assert verdict(compare_outputs([hello], [hello, warning])) == "pointed out"


def test_texts_are_sanitized_on_both_sides():
    old, new = ({"output_type": "stream", "name": "stdout", "text": f"in {place}/study"} for place in ("/a", "/b"))
    assert verdict(compare_outputs([old], [new])) == "changed"
    assert compare_outputs([old], [new], sanitize=lambda text: text.replace("/a", "F").replace("/b", "F")) == []
