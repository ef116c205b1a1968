"""The dashboard: `streamlit run app/streamlit_app.py`."""

from pathlib import Path

import streamlit as st
from board.pages import PageInfo, find_pages

COMPONENTS = Path(__file__).parent / "board" / "components"


def main() -> None:
    """Draw the frame and the chosen page; its head is shown before anything slow is imported."""
    icon = str(COMPONENTS / "icon.svg")
    st.set_page_config(page_title="TLA · representation under attack", page_icon=icon, layout="wide")
    st.logo(icon, size="large")
    st.html(COMPONENTS / "page.css")
    page, info = navigation()
    st.title(info.title, anchor=False)
    st.markdown(f'<p class="lead">{info.lead}</p>', unsafe_allow_html=True)

    from board import charts

    charts.measure_width()
    if not charts.width_known():
        return
    from board import shell

    from tla.memory import few_arenas

    few_arenas()  # every run of a page is a thread of its own
    shell.sidebar()
    page.run()


def navigation() -> tuple[st.Page, PageInfo]:
    """Draw the menu; return the chosen page and its head."""
    sections: dict[str, list[st.Page]] = {}
    heads: dict[st.Page, PageInfo] = {}
    for file, info in find_pages().items():
        icon = f":material/{info.icon}:"
        page = st.Page(file, title=info.name, icon=icon, url_path=file.stem, help=info.lead)
        sections.setdefault(info.section, []).append(page)
        heads[page] = info
    chosen = st.navigation(sections, position="sidebar")
    return chosen, heads[chosen]


main()
