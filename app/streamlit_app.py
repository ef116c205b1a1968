"""The dashboard: `streamlit run app/streamlit_app.py`."""

from pathlib import Path
from typing import NamedTuple

import streamlit as st

HERE = Path(__file__).parent


class Entry(NamedTuple):
    """A page: its file, its name in the menu, its icon, and its head: a title and the question it answers."""

    file: str
    name: str
    icon: str
    title: str
    lead: str


PAGES = {
    "": [
        Entry(
            "tour",
            "Tour",
            "explore",
            "Representation under attack",
            "What an attack does to a network within, in six scenes.",
        ),
    ],
    "Look": [
        Entry(
            "shift",
            "Shift",
            "moving",
            "Shift",
            "Where does the attack move each image in the representation? Press a point, or draw a lasso.",
        ),
        Entry(
            "trajectory",
            "Trajectory",
            "timeline",
            "Trajectory",
            "Which way does one image take through the representation, step by step?",
        ),
        Entry(
            "neighbours",
            "Neighbours",
            "grid_view",
            "Neighbours",
            "Which training images are nearest, in the full embedding, before and after the attack?",
        ),
        Entry(
            "detection",
            "Detection",
            "policy",
            "Detection",
            "Can adversarial images that fool the model be told from clean ones by their embedding or their logits?",
        ),
        Entry(
            "robustness",
            "Robustness",
            "shield",
            "Robustness",
            "How many images stay right under each attack, and can that be believed?",
        ),
        Entry(
            "compare",
            "Compare",
            "compare_arrows",
            "Compare two models",
            "Which images does one model keep and the other lose, and is the difference more than chance?",
        ),
        Entry(
            "ablations",
            "Ablations",
            "tune",
            "Ablations",
            "What does one setting do: the pool of negatives, the margin, the weight of the triplet term?",
        ),
    ],
    "Do": [
        Entry(
            "attack",
            "Attack lab",
            "bolt",
            "Attack lab",
            "Change an image as little as the rules allow, and watch each model change its mind.",
        ),
        Entry(
            "playground",
            "Playground",
            "change_history",
            "Triplet playground",
            "What does the triplet loss want of an anchor, a positive and the negatives? Drag them.",
        ),
        Entry(
            "export",
            "Figures",
            "download",
            "Figures",
            "Every figure of this study as a file, and the Python that draws it.",
        ),
        Entry(
            "data",
            "Data & runs",
            "database",
            "Data & runs",
            "What is in this study, where it comes from, and how to make another.",
        ),
    ],
}


def main() -> None:
    """Draw the frame and the page that is asked for; its head stands before anything heavy is imported."""
    icon = str(HERE / "board" / "components" / "icon.svg")
    st.set_page_config(page_title="TLA · representation under attack", page_icon=icon, layout="wide")
    st.logo(icon, size="large")
    st.html(HERE / "board" / "components" / "page.css")
    page = navigation()
    entry = next(e for entries in PAGES.values() for e in entries if e.name == page.title)
    st.header(entry.title, anchor=False)
    st.markdown(f'<p class="lead">{entry.lead}</p>', unsafe_allow_html=True)

    from board import charts, shell

    shell.sidebar()
    page.run()
    charts.probe()


def navigation() -> st.Page:
    """The menu; gives the page that is asked for."""
    groups = {
        group: [
            st.Page(
                HERE / "pages_" / f"{entry.file}.py",
                title=entry.name,
                icon=f":material/{entry.icon}:",
                url_path=entry.file,
                help=entry.lead,
            )
            for entry in entries
        ]
        for group, entries in PAGES.items()
    }
    return st.navigation(groups, position="sidebar")


main()
