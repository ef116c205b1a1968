"""A page is one file: the menu finds it, and the contract covers it wherever it is."""

import pytest
from board.pages import find_pages, read_page
from page_contract import check_page

PAGE = '''
"""Counts."""

import streamlit as st
from board import shell
from board.pages import PageInfo

PAGE = PageInfo(title="Counts", icon="tag", section="Look", lead="How many images does the study hold?")


def main() -> None:
    with shell.page() as view:
        st.metric("Images", len(view.ids))
        shell.show_code("from tla.study import locate", "", f'len(locate("{view.path}").arrays("images")["test_id"])')


main()
'''


def test_pages_are_listed_in_the_order_of_the_menu():
    pages = find_pages()
    names = [file.stem for file in pages]
    assert names[:3] == ["tour", "shift", "trajectory"]
    assert list(dict.fromkeys(info.section for info in pages.values())) == ["", "Look", "Do"]


def test_a_page_in_another_folder_is_listed_and_checked(tmp_path, monkeypatch):
    file = tmp_path / "counts.py"
    file.write_text(PAGE)
    check_page(file)
    monkeypatch.setenv("TLA_PAGES", str(tmp_path))
    assert find_pages()[file].name == "Counts"


def test_the_contract_runs_what_a_page_shows(tmp_path):
    file = tmp_path / "counts.py"
    file.write_text(PAGE.replace('"test_id"', '"nothing"'))
    with pytest.raises(KeyError, match="nothing"):
        check_page(file)


def test_the_contract_wants_a_lead(tmp_path):
    file = tmp_path / "counts.py"
    file.write_text(PAGE.replace("How many images does the study hold?", "Counts"))
    with pytest.raises(AssertionError, match="short sentences, got 'Counts'"):
        check_page(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "must have a line PAGE = PageInfo"),
        ("PAGE = PageInfo(title=name)", "with literal arguments"),
        ("PAGE = PageInfo(titel='a')", "unexpected keyword argument 'titel'"),
    ],
)
def test_a_page_without_a_head_is_named(tmp_path, text, message):
    file = tmp_path / "headless.py"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_page(file)
    assert "headless.py" in str(error.value)
