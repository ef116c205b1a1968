"""Methods have one name and one order everywhere, and one thing is called one."""

import pytest
from board.words import count
from dashboard import make_study
from synthetic import World

from tla.plots.drawing.words import singular

WORLD = World(methods=("tla", "mine", "at", "natural"), n=60)


@pytest.fixture
def mixed(tmp_path, use_studies):
    make_study(tmp_path / "mixed", world=WORLD)
    use_studies(tmp_path)


@pytest.mark.parametrize(
    ("page", "key"), [("shift", "shift_methods"), ("attack", "models"), ("detection", "detection_methods")]
)
def test_pills_show_the_names_of_the_figures_in_their_order(mixed, open_page, page, key):
    assert open_page(page).pills(key=key).options == ["Natural", "AT", "TLA", "mine"]


def test_an_address_takes_a_method_by_either_name(mixed, open_page):
    for name in ("at", "AT"):
        app = open_page("neighbours", neighbour_methods=[name])
        assert app.pills(key="neighbour_methods").value == ["at"]
        assert open_page("compare", one=name).selectbox(key="one").value == "at"
        assert open_page("detection", detection_shown=name).get("button_group")[-1].value == "at"
        assert not app.exception


def test_one_thing_is_one():
    assert [count(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert (count(1, "query"), count(2, "query")) == ("1 query", "2 queries")
    said = "n = 1 test images; of 1 images and 11 images, 0.1 images; 1 queries, 1 passes, 1 steps"
    assert singular(said) == "n = 1 test image; of 1 image and 11 images, 0.1 images; 1 query, 1 pass, 1 step"


def test_a_study_of_one_image_says_so(tmp_path, use_studies, open_page):
    make_study(tmp_path / "single", world=World(methods=("at", "tla"), n=1))
    use_studies(tmp_path)
    app = open_page("shift")
    text = " ".join(element.value for element in [*app.caption, *app.markdown, *app.subheader])
    assert "1 test image" in text
    assert " 1 images" not in text
    assert "1 test images" not in text
