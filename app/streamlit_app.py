"""The dashboard: `streamlit run app/streamlit_app.py`."""

from pathlib import Path

import streamlit as st
from board import charts, shell

PAGES = {
    "": [
        ("tour", "Tour", "explore", "Six scenes: from an image that changes its class to a representation that holds."),
    ],
    "Look": [
        (
            "shift",
            "Shift",
            "moving",
            "Maps of the representation, with an arrow from every image to its adversarial twin.",
        ),
        ("trajectory", "Trajectory", "timeline", "The path of one image through the representation, step by step."),
        ("neighbours", "Neighbours", "grid_view", "Nearest training images of a clean and of an adversarial query."),
        ("detection", "Detection", "policy", "Can misclassified adversarial images be told from clean ones?"),
        (
            "robustness",
            "Robustness",
            "shield",
            "Accuracy under every attack, with intervals, and the audit's verdicts.",
        ),
    ],
    "Do": [
        ("attack", "Attack lab", "bolt", "Attack an image live: from the set, your own, or one that you draw."),
        ("export", "Figures", "download", "Every figure as a file, and the Python that draws it."),
        ("data", "Data & runs", "database", "What is in the study, and how to start another."),
    ],
}


def main() -> None:
    """Draw the frame and the page that is asked for."""
    here = Path(__file__).parent
    icon = str(here / "board" / "components" / "icon.svg")
    st.set_page_config(page_title="TLA · representation under attack", page_icon=icon, layout="wide")
    st.logo(icon, size="large")
    st.html(here / "board" / "components" / "page.css")
    groups = {
        group: [
            st.Page(here / "pages_" / f"{name}.py", title=title, icon=f":material/{icon}:", url_path=name, help=text)
            for name, title, icon, text in pages
        ]
        for group, pages in PAGES.items()
    }
    page = st.navigation(groups, position="sidebar")
    shell.sidebar()
    page.run()
    charts.probe()


main()
