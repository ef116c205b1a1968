"""The dashboard on a study that came without images: it says so, and fills them in."""

import pytest
from dashboard import PAGES
from page_contract import run_snippet, snippets

from tla.store import Store
from tla.study.locate import shipped_studies
from tla.study.pack import pack

NEED_PICTURES = {"tour", "attack"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder with the digits study, packed without images."""
    folder = tmp_path_factory.mktemp("shared")
    pack(Store(shipped_studies() / "digits"), folder / "digits", images=False)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_or_offers_the_images(shared, use_studies, open_page, page):
    use_studies(shared)
    app = open_page(page)
    assert not app.exception, app.exception[0].message
    assert not app.error
    said = " ".join(info.value for info in app.info)
    assert ("needs pictures, and this study came without" in said) == (page in NEED_PICTURES)
    assert [button for button in app.button if button.key == "fill_side"] or page == "data"
    assert ("fill_page" in {button.key for button in app.button}) == (page in NEED_PICTURES)
    for text in snippets(app):
        run_snippet(text)


def test_the_images_are_filled_in_and_the_study_opened(shared, tmp_path, use_studies, open_page):
    own = tmp_path / "studies"
    use_studies(own, shared)
    app = open_page("tour")
    assert f"tla fill digits {own / 'digits'}" in {block.value for block in app.code}
    app.button(key="fill_page").click().run(timeout=60)
    assert not app.exception
    assert not app.error
    assert Store(own / "digits").manifest()["packed"] == "whole"
    assert not app.info
    assert "fill_side" not in {button.key for button in app.button}


def test_wrong_images_are_refused_in_words(shared, tmp_path, use_studies, open_page):
    use_studies(tmp_path / "studies", shared)
    app = open_page("attack")
    app.text_input(key="fill_data_page").set_value("mnst").run(timeout=60)
    app.button(key="fill_page").click().run(timeout=60)
    assert "unknown data set 'mnst'" in app.error[0].value
    assert not (tmp_path / "studies" / "digits").exists()


def test_your_own_study_of_that_name_stays(shared, tmp_path, use_studies, open_page):
    from board.fill_in import destination
    from board.studies import open_study

    own = tmp_path / "studies"
    use_studies(own, shared)
    Store(own / "digits").note(study={"name": "digits"})
    view = open_study("digits (shipped)", shared / "digits")
    assert destination(view) == own / "digits-with-images"
    assert destination(open_study("digits", shared / "digits")) == own / "digits-with-images"
