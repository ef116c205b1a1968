"""Every figure of the study as a file, and the Python that draws it."""

import importlib.util
import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

import streamlit as st
from board import charts, shell
from board.pages import PageInfo
from board.snippets import call, literal
from board.studies import View

from tla.plots import FIGURES, Look, draw
from tla.plots.drawing.export import BROWSERS, PICTURES, save

PAGE = PageInfo(
    title="Figures",
    icon="download",
    section="Do",
    order=22,
    lead="Every figure of this study as a file, and the Python that draws it.",
)

BY_CLASS = ("one_class", "two_classes", "purity_curves", "shift_morph")
"""Figures that say nothing where the classes of the images are not known."""
KINDS = {
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".html": "text/html",
    ".csv": "text/csv",
}


def main() -> None:
    """The page."""
    with shell.page() as view:
        names = drawable(view)
        one, two, three = st.columns([4, 3, 4], gap="medium", vertical_alignment="bottom")
        first = "accuracy_bars" if "accuracy_bars" in names else names[0]
        name = one.selectbox("Figure", names, index=names.index(first), key="figure", bind="query-params")
        theme = two.segmented_control(
            "Theme", ["light", "dark"], default="light", key="figure_theme", bind="query-params"
        )
        width = three.slider("Width (pixels)", 400, 1600, 1100, 50, key="figure_width", bind="query-params")
        page = charts.look(view)
        look = Look(theme="dark" if theme == "dark" else "light", width=width, classes=page.classes, source=page.source)
        look = replace(look, condition=page.condition)
        figure = draw(name or first, view.store, look=look)
        shown = min(width, page.width)
        preview = figure if shown == width else draw(name or first, view.store, look=replace(look, width=shown))
        st.plotly_chart(
            preview, width=shown, theme=None, config=charts.CONFIG, key="export", alt=f"The figure {name} of this study"
        )
        if shown < width:
            st.caption(f"Shown for {shown} pixels; the files are laid out for {width}.")
        downloads(figure, str(name), width)
        st.markdown("**Python**")
        st.code("\n".join(code(view, str(name), look)), language="python")
        st.markdown("**Command line**")
        dark = " --dark" if look.theme == "dark" else ""
        of = f" --set condition={literal(view.condition)}" if view.condition else ""
        st.code(f"tla figure {name} {quote(view.known_as)} --out {name}.svg --width {width}{dark}{of}", "bash")
        explorer(view)


def explorer(view: View) -> None:
    """The whole study as one page that needs no server."""
    if not view.has("map"):
        return
    st.subheader("The explorer, in one file", anchor=False)
    st.markdown(
        "Maps, pictures, neighbours, paths and a threshold of this study in one HTML file: it opens from disk, without "
        "a server and without a network."
    )
    st.download_button(
        "Explorer (HTML)",
        data=partial(explorer_file, view),
        file_name=f"{view.name}-explorer.html",
        mime="text/html",
        icon=":material/travel_explore:",
        key="download_explorer",
        on_click="ignore",
    )
    st.code(f"tla explore {quote(view.known_as)} --out {view.path.name}-explorer.html", "bash")


def explorer_file(view: View) -> bytes:
    """The explorer as the bytes of a file."""
    from tla.widgets.sources import shown
    from tla.widgets.study_page import save_study

    with tempfile.TemporaryDirectory(prefix="tla-explorer-") as folder:
        return save_study(shown(view.store, view.condition), Path(folder) / "explorer.html").read_bytes()


def drawable(view: View) -> list[str]:
    """Figures whose tables the study has."""
    found = []
    for name in FIGURES.names():
        tables = getattr(FIGURES.get(name), "tables", ())
        if view.embeddings and FIGURES.get(name).example is not None:
            continue  # it shows an attack
        if view.embeddings and name in BY_CLASS and not view.embeddings.get("classes"):
            continue
        if all(view.has(table) for table in tables):
            found.append(name)
    return found


def downloads(figure: Any, name: str, width: int) -> None:
    """A button per file type; a file is written when its button is pressed."""
    has_browser = any(shutil.which(browser) for browser in BROWSERS) or importlib.util.find_spec("kaleido") is not None
    with st.container(horizontal=True):
        for ending, mime in KINDS.items():
            picture = ending in PICTURES
            st.download_button(
                ending[1:].upper(),
                data=partial(file, figure, ending, width),
                file_name=f"{name}{ending}",
                mime=mime,
                icon=":material/download:",
                key=f"download{ending}",
                disabled=picture and not has_browser,
                help="Needs Chromium or kaleido on the machine that runs the dashboard." if picture else None,
                on_click="ignore",
            )


def file(figure: Any, ending: str, width: int) -> bytes:
    """A figure as the bytes of a file."""
    with tempfile.TemporaryDirectory(prefix="tla-figure-") as folder:
        return save(figure, Path(folder) / f"figure{ending}", width=width).read_bytes()


def code(view: View, name: str, look: Look) -> list[str]:
    """Python that draws the figure and writes it; HTML needs no browser."""
    return [
        "from pathlib import Path",
        "from tla.plots import draw, look_of",
        "from tla.plots.drawing.export import save",
        "from tla.study import locate",
        "",
        f"store = locate({literal(view.known_as)})",
        *call(
            "figure = draw",
            literal(name),
            "store",
            f"look=look_of(store, theme={literal(look.theme)}, width={look.width})",
            **({"condition": look.condition} if look.condition else {}),
        ),
        f'save(figure, Path("{name}.html"), width={look.width})  # the ending chooses: {", ".join(KINDS)}',
    ]


shell.body(main)
