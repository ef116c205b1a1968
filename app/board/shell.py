"""The frame around every page: which study, which sample, where a number comes from, and how to get it in Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from board import state
from board.pictures import uri
from board.running import runs
from board.selection.focus import contested, correct_count
from board.studies import DamagedFileError, MissingPartError, View, finished, open_study, root, studies
from tla.plots.drawing.theme import LIGHT

DIGITS = "digits"


def current() -> View | None:
    """The study that is shown, or None where there is none to show."""
    found = studies()
    if not found:
        return None
    name = st.session_state.get(state.STUDY)
    name = name if name in found else _default(found)
    return open_study(name, found[name])


def _default(found: dict[str, Path]) -> str:
    """The digits study if it is there and finished, else the first finished study, else the first."""
    order = sorted(found, key=lambda name: (not name.startswith(DIGITS), name))
    return next((name for name in order if finished(name, found[name])), order[0])


def sidebar() -> None:
    """Study, seed and focus sample, the same on every page."""
    found = studies()
    if not found:
        return
    with st.sidebar:
        names = list(found)
        if len(names) > 1:
            st.selectbox("Study", names, index=names.index(_default(found)), key=state.STUDY, bind="query-params")
        try:
            view = current()
            if view is None or not view.complete:
                return
            if len(view.seeds) > 1:
                st.segmented_control(
                    "Training seed",
                    view.seeds,
                    default=view.seeds[0],
                    key=state.SEED,
                    bind="query-params",
                    persist_state="session",
                )
            _focus_box(view)
            st.caption(about(view))
        except (DamagedFileError, MissingPartError):
            return


def _focus_box(view: View) -> None:
    """The focus sample: its picture, its number, and ways to another one."""
    ids = view.ids
    st.selectbox(
        "Focus sample",
        ids,
        index=ids.index(state.first_focus(view)),
        key=state.FOCUS,
        bind="query-params",
        help="The test image that every page speaks of. Type its number, press a picture or a point, or use the keys.",
    )
    sample = state.focus(view)
    name = view.classes[view.truth(sample)]
    image = uri(view.arrays("images")["test"][view.positions[sample]])
    st.html(
        f'<div class="focus"><img src="{image}" alt="image {sample}, a {name}">'
        f"<div><b>{name}</b><br>{correct_count(view, sample, state.seed(view))}</div></div>"
    )
    with st.container(horizontal=True, gap="xsmall"):
        step = state.step_focus
        st.button("Back", on_click=step, args=(view, ids, -1), key="focus_back", shortcut="J")
        st.button("Next", on_click=step, args=(view, ids, 1), key="focus_next", shortcut="K")
        fooled = contested(view, state.seed(view))
        st.button(
            "Next contested",
            on_click=step,
            args=(view, fooled, 1),
            key="focus_fooled",
            shortcut="N",
            disabled=not fooled,
            help="The next image that the attack turns for some methods and not for others.",
        )


def label(method: str) -> str:
    """How a method is called everywhere."""
    return LIGHT.methods([method])[method].label


def about(view: View) -> str:
    """Where every number of a study comes from, in one line."""
    hardware = view.manifest.get("hardware", {})
    versions = view.manifest.get("versions", {})
    queries = view.manifest.get("data", {}).get("queries", len(view.ids))
    parts = [
        f"Study **{view.name}**" + (" (shipped)" if view.shipped else ""),
        f"{queries} test images",
        f"seed {', '.join(map(str, view.seeds))}",
        f"{view.norm.capitalize()} eps {view.eps:g}",
        str(hardware.get("device", "")),
        f"{hardware['threads']} threads" if "threads" in hardware else "",
        f"torch {versions['torch']}" if "torch" in versions else "",
    ]
    return " · ".join(part for part in parts if part)


@contextmanager
def page() -> Iterator[View]:
    """The study that a page works on; says what is missing instead of failing."""
    view = ready()
    if view is None:
        st.stop()
    try:
        yield view
    except MissingPartError as missing:
        st.info(f"{missing} Run `tla study {view.name}` to make it.", icon=":material/hourglass_empty:")
    except DamagedFileError as damaged:
        st.error(str(damaged), icon=":material/broken_image:")


def ready() -> View | None:
    """The study that is shown, if it is finished; otherwise says what is the matter and gives None."""
    try:
        view = current()
        if view is not None and view.complete:
            return view
        offer(view)
    except DamagedFileError as damaged:
        st.error(str(damaged), icon=":material/broken_image:")
    return None


def offer(view: View | None = None) -> None:
    """Offer to make the digits study, or to go on with one; show how far it is."""
    folder = root() / DIGITS if view is None else view.path
    name = DIGITS if view is None else view.name
    book = runs()
    if book.running(folder):
        watch(folder)
        return
    with st.container(border=True):
        if view is None:
            st.subheader("There is no study yet", anchor=False)
            st.write(
                "A study trains six methods on one data set, attacks each, and keeps what happened to the "
                "representations. The digits study needs no download and takes a few minutes on two cores."
            )
        else:
            st.subheader(f"The study “{name}” is not finished", anchor=False)
            st.write("What is done is kept; it goes on from the last finished step.")
        last = book.progress(folder)
        if last is not None and last.state == "failed":
            st.error(last.message, icon=":material/error:")
        st.button(
            f"Make the {name} study" if view is None else "Go on",
            type="primary",
            icon=":material/play_arrow:",
            on_click=book.start,
            args=(_recipe(view), folder),
        )
        st.caption("In a terminal, the same is:")
        st.code(f"tla study {_recipe(view)} --out {folder}", language="bash")


def _recipe(view: View | None) -> str:
    """What `tla study` is called with: the study's own file where it has begun."""
    if view is None:
        return DIGITS
    own = view.path / "study.toml"
    return str(own) if own.exists() else view.name


@st.fragment(run_every=1.0)
def watch(folder: Path) -> None:
    """A bar that follows a study that was started here."""
    book = runs()
    news = book.progress(folder)
    if news is None or news.state in ("done", "failed") or not book.running(folder):
        st.rerun()
    with st.container(border=True):
        st.subheader("The study is being made", anchor=False)
        st.progress(news.done, text=f"{news.done:.0%} · {news.message}")
        st.button("Stop", icon=":material/stop:", on_click=book.stop, args=(folder,), key=f"stop_{folder}")
        st.caption(
            "It goes on while you look elsewhere, and ends with this dashboard. A stopped study can go on later."
        )


def source(text: str) -> None:
    """Where the numbers above come from.

    Args:
        text: "this study, n = 500 test images, seed 0" or "live now on this machine".
    """
    st.caption(f":material/history_edu: {text}")


def show_code(*lines: str) -> None:
    """The Python that gives the view above, to be unfolded and copied."""
    with st.expander("Show code", icon=":material/code:"):
        st.code("\n".join(lines), language="python")
