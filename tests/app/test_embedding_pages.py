"""The dashboard on a study of embeddings: every page opens, shows the chosen condition, or says what it lacks."""

import numpy as np
import pytest
from dashboard import PAGES
from page_contract import charts, run_snippet, snippets

from tla.study.embeddings import examine_embeddings

NEED_A_MODEL = {"attack", "compare", "robustness", "trajectory"}


def made(folder, *, bare=False):
    """Test images around three centres, blurred and at night; with pictures and classes unless bare."""
    rng = np.random.default_rng(0)
    y, centres = np.arange(30) % 3, 3 * rng.normal(size=(3, 8))
    test = centres[y] + rng.normal(size=(30, 8))
    given = {"test": test, "blur": test + rng.normal(size=test.shape), "night": test + centres[(y + 1) % 3]}
    if not bare:
        pictures = rng.integers(0, 256, (30, 1, 8, 8), dtype=np.uint8)
        given |= {"y_test": y} | {f"images_{name}": pictures for name in ("test", "blur", "night")}
    return examine_embeddings(given, folder=folder, projection="pca", neighbours=5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embeddings")
    made(folder / "vectors")
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(whole, use_studies, open_page, page):
    use_studies(whole)
    app = open_page(page)
    assert not app.exception, app.exception[0].message
    assert not app.error
    said = " ".join(info.value for info in app.info)
    assert ("made from embeddings alone" in said) == (page in NEED_A_MODEL)
    assert "tla study vectors" not in said
    for text in snippets(app):
        run_snippet(text)


@pytest.mark.parametrize("condition", ["blur", "night"])
def test_the_sidebar_chooses_the_condition(whole, use_studies, open_page, condition):
    use_studies(whole)
    app = open_page("shift", condition=condition)
    assert not app.exception
    title = charts(app)["shift_measures"]["layout"]["meta"]["title"]
    assert title.startswith(f"“{condition}” turns the representation")
    detected = charts(open_page("detection", condition=condition))["roc"]["layout"]["meta"]["caption"]
    assert f"Positives: “{condition}” and misclassified; negatives" in detected


@pytest.mark.more
def test_without_classes_and_pictures_pages_say_so(tmp_path, use_studies, open_page):
    made(tmp_path / "bare", bare=True)
    use_studies(tmp_path)
    for page in PAGES:
        app = open_page(page)
        assert not app.exception, (page, app.exception[0].message)
    assert "needs at least two classes" in open_page("detection").info[0].value
    assert "needs pictures" in open_page("tour").info[0].value
    assert not open_page("shift").exception
